#include "cuda/cublas/matmul.h"

#include <doctest/doctest.h>

#include "backend/backend.h"
#include "cublas/problems.h"
#include "support/compare.h"
#include "support/errors.h"
#include "support/program.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;
using namespace camber::cublas;

namespace {

/// cuBLASLt on the host (libraries/host_cublas.cpp), opened.
struct HostCublas {
    Api api = load_api({beside_program("libtest_host_cublas.so")});
    cublasLtHandle_t handle = nullptr;

    HostCublas() { check(api, api.Create(&handle), "cublasLtCreate", "opening cuBLAS"); }
    ~HostCublas() { api.Destroy(handle); }
};

/// A convolution's tensors on the host in the dtypes of a product, and what the reference backend makes of them.
struct Problem {
    Tensor image, filter, response, bias, wanted;

    Problem(const ConvExtents& c, const MatmulTypes& types) {
        const auto rounded = [](const Tensor& exact, Dtype dtype) { return converted(exact, dtype, Device::cpu); };
        const bool to_filter = c.kind == ConvKind::backward_filter;
        image = rounded(uniform({c.images, c.height, c.width, c.channels}, 1), types.dtype);
        filter =
            rounded(uniform({c.filters, c.kernel_h, c.kernel_w, c.channels}, 2), to_filter ? types.out : types.dtype);
        response = rounded(uniform({c.images, c.out_height, c.out_width, c.filters}, 3), types.dtype);
        const std::int64_t channels = c.kind == ConvKind::forward ? c.filters : c.channels;
        if (c.bias) bias = rounded(uniform({channels}, 4), types.out);

        const auto exact = [](const Tensor& t) { return t ? converted(t, Dtype::f64, Device::reference) : t; };
        const Tensor x = exact(image), w = exact(filter), y = exact(response), b = exact(bias);
        Backend& reference = backend(Device::reference);
        if (c.kind == ConvKind::forward) {
            reference.conv2d(x, w, b, wanted = y, c.params);
        } else if (to_filter) {
            reference.conv2d_backward_filter(x, y, wanted = w, {}, c.params);
        } else {
            reference.conv2d_backward_data(y, w, b, wanted = x, c.params);
        }
    }
    const Tensor& operand(ConvOperand which) const {
        return which == ConvOperand::image ? image : which == ConvOperand::filter ? filter : response;
    }
};

/// The bias so many times in a row.
Tensor repeated(const Tensor& bias, std::int64_t times) {
    const Tensor whole = Tensor::empty({times * bias.numel()}, bias.dtype(), Device::cpu);
    for (std::int64_t i = 0; i < times; ++i) whole.slice(i * bias.numel(), {bias.numel()}).copy_from(bias);
    return whole;
}

}  // namespace

TEST_CASE("cuBLAS: descriptors say what the products do") {
    const HostCublas cublas;
    alignas(256) static char workspace[4096];
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
        for (const ConvExtents& c : edge_to_edge_convolutions()) {
            const std::vector<MatrixProduct> products = matrix_products(c);
            if (products.empty()) continue;
            CAPTURE(name(dtype));
            CAPTURE(c.kernel_h);
            CAPTURE(c.kernel_w);
            CAPTURE(c.channels);
            CAPTURE(static_cast<int>(c.kind));
            const MatmulTypes types = {.dtype = dtype, .out = c.kind == ConvKind::backward_filter ? Dtype::f32 : dtype};
            for (std::size_t choice = 0; choice < 2; ++choice) {
                const Problem problem(c, types);
                const Tensor& out = problem.operand(products[0].out.tensor);
                backend(Device::cpu).fill(out, 1000);
                for (const MatrixProduct& product : products) {
                    const Matmul matmul(cublas.api, product, types);
                    const std::vector<Algorithm> algorithms = matmul.algorithms(cublas.handle, 8, sizeof workspace);
                    REQUIRE(algorithms.size() == 2);
                    const Tensor bias =
                        product.bias_repeats > 0 ? repeated(problem.bias, product.bias_repeats) : Tensor();
                    matmul.run(cublas.handle, algorithms[choice],
                               {.a = problem.operand(product.a.tensor).raw(),
                                .b = problem.operand(product.b.tensor).raw(),
                                .bias = bias ? bias.raw() : nullptr,
                                .out = out.raw()},
                               workspace, nullptr);
                }
                // A sum over the rows of a kernel is rounded once more between its products.
                CHECK(relative_error(out, problem.wanted) < (types.out == Dtype::f32 ? 1e-6 : 1.0 / 128));
            }
        }
    }
}

TEST_CASE("cuBLAS: algorithms keep to their limits, are restored, and say what refuses them") {
    const HostCublas cublas;
    ConvExtents c = edge_to_edge_convolutions()[0];
    const Matmul matmul(cublas.api, matrix_products(c)[0], {});
    CHECK(matmul.algorithms(cublas.handle, 1, 4096).size() == 1);
    CHECK(matmul.algorithms(cublas.handle, 8, 100).size() == 1);
    const std::vector<Algorithm> algorithms = matmul.algorithms(cublas.handle, 8, 4096);
    REQUIRE(algorithms.size() == 2);
    CHECK(matmul.describe(algorithms[1]) == "algorithm 1, tile 1, stages 1, split 1");

    const Algorithm restored = matmul.restore(cublas.handle, algorithms[1].value);
    CHECK(restored.workspace_bytes == algorithms[1].workspace_bytes);
    CHECK(matmul.describe(restored) == matmul.describe(algorithms[1]));

    cublasLtMatmulAlgo_t unknown{};
    unknown.data[0] = 77;
    CHECK(error_of([&] { matmul.restore(cublas.handle, unknown); }) ==
          "cublasLtMatmulAlgoCheck: an invalid value while restoring an algorithm");
    CHECK(error_of([&] { matmul.run(cublas.handle, restored, {}, nullptr, nullptr); }) ==
          "cublasLtMatmul: an invalid value while running algorithm 1, tile 1, stages 1, split 1");
}

TEST_CASE("cuBLAS: the library takes the descriptors") {
    std::string why;
    const Api* const api = find_api(&why);
    if (!api) {
        MESSAGE("left out: " << why);
        return;
    }
    // Sizes and values of attributes are checked without a device; whether there is a kernel is not.
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
        for (const bool tf32 : {false, true})
            for (const ConvExtents& c : edge_to_edge_convolutions())
                for (const MatrixProduct& product : matrix_products(c))
                    CHECK_NOTHROW(Matmul(*api, product, {.dtype = dtype, .out = Dtype::f32, .tf32 = tf32}));
}
