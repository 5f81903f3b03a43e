#include "cuda/cublas/matrix_product.h"

#include <doctest/doctest.h>

#include "backend/backend.h"
#include "cublas/problems.h"
#include "support/compare.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;
using cublas::ConvExtents;
using cublas::ConvOperand;
using cublas::MatrixOperand;
using cublas::MatrixProduct;

namespace {

struct Tensors {
    Tensor image, filter, response, bias;
};

Tensors random_tensors(const ConvExtents& c) {
    return {uniform({c.images, c.height, c.width, c.channels}, 1),
            uniform({c.filters, c.kernel_h, c.kernel_w, c.channels}, 2),
            uniform({c.images, c.out_height, c.out_width, c.filters}, 3),
            c.bias ? uniform({c.kind == ConvKind::forward ? c.filters : c.channels}, 4) : Tensor()};
}

const Tensor& pick(const Tensors& t, ConvOperand operand) {
    return operand == ConvOperand::image ? t.image : operand == ConvOperand::filter ? t.filter : t.response;
}

/// Where element (row, column) of a batch's matrix is; the position must be inside the tensor.
double& element(const Tensors& t, const MatrixOperand& operand, std::int64_t batch, std::int64_t row,
                std::int64_t column) {
    if (operand.transposed) std::swap(row, column);
    const std::int64_t at = operand.offset + batch * operand.batch_stride + row * operand.row_stride + column;
    const Tensor& tensor = pick(t, operand.tensor);
    REQUIRE(at >= 0);
    REQUIRE(at < tensor.numel());
    return tensor.data<double>()[at];
}

void multiply(const Tensors& t, const MatrixProduct& p) {
    for (std::int64_t batch = 0; batch < p.batch; ++batch) {
        for (std::int64_t row = 0; row < p.rows; ++row) {
            for (std::int64_t column = 0; column < p.columns; ++column) {
                double sum = 0;
                for (std::int64_t k = 0; k < p.inner; ++k)
                    sum += element(t, p.a, batch, row, k) * element(t, p.b, batch, k, column);
                if (p.bias_repeats > 0) {
                    REQUIRE(p.columns == p.bias_repeats * t.bias.numel());
                    sum += t.bias.data<double>()[column % t.bias.numel()];
                }
                double& out = element(t, p.out, batch, row, column);
                out = p.accumulate ? out + sum : sum;
            }
        }
    }
}

/// What the reference backend makes of the call.
Tensor expected(const ConvExtents& c, const Tensors& t) {
    Backend& reference = backend(Device::reference);
    switch (c.kind) {
        case ConvKind::forward: {
            const Tensor y = t.response.clone();
            reference.conv2d(t.image, t.filter, t.bias, y, c.params);
            return y;
        }
        case ConvKind::backward_data: {
            const Tensor y = t.image.clone();
            reference.conv2d_backward_data(t.response, t.filter, t.bias, y, c.params);
            return y;
        }
        case ConvKind::backward_filter: {
            const Tensor dw = t.filter.clone();
            reference.conv2d_backward_filter(t.image, t.response, dw, {}, c.params);
            return dw;
        }
    }
    return {};
}

}  // namespace

TEST_CASE("cuBLAS: the matrix products of a convolution, multiplied as they are described, are the convolution") {
    int products_of_kind[3] = {}, left_out = 0;
    for (const ConvExtents& c : edge_to_edge_convolutions()) {
        CAPTURE(c.kernel_h);
        CAPTURE(c.kernel_w);
        CAPTURE(static_cast<int>(c.kind));
        const std::vector<MatrixProduct> products = cublas::matrix_products(c);
        if (c.kind == ConvKind::backward_filter && c.kernel_h > 1) {
            CHECK(products.empty());
            ++left_out;
            continue;
        }
        REQUIRE(products.size() == static_cast<std::size_t>(c.kernel_h));
        const Tensors tensors = random_tensors(c);
        const Tensor wanted = expected(c, tensors);
        // What is there before must not matter.
        const Tensor& out = pick(tensors, products[0].out.tensor);
        backend(Device::reference).fill(out, 1000);
        for (const MatrixProduct& product : products) multiply(tensors, product);
        CHECK(relative_error(out, wanted) < 1e-13);
        ++products_of_kind[static_cast<int>(c.kind)];
    }
    for (const int count : products_of_kind) CHECK(count >= 5);
    CHECK(left_out > 0);
}

TEST_CASE("cuBLAS: convolutions that are no matrix product") {
    const ConvExtents fits = {.images = 2,
                              .height = 4,
                              .width = 6,
                              .channels = 3,
                              .filters = 5,
                              .kernel_h = 2,
                              .kernel_w = 2,
                              .out_height = 2,
                              .out_width = 3,
                              .params = {.stride_h = 2, .stride_w = 2, .padding = {}}};
    CHECK(cublas::matrix_products(fits).size() == 2);
    const auto without = [&](const auto& change) {
        ConvExtents c = fits;
        change(c);
        return cublas::matrix_products(c).empty();
    };
    CHECK(without([](ConvExtents& c) { c.height = 5; }));  // a row left over
    CHECK(without([](ConvExtents& c) { c.width = 7; }));
    CHECK(without([](ConvExtents& c) { c.params.stride_h = 1; }));
    CHECK(without([](ConvExtents& c) { c.params.stride_w = 3; }));
    CHECK(without([](ConvExtents& c) { c.params.padding.left = 1; }));
    CHECK(without([](ConvExtents& c) { c.params.padding = {1, -1, 0, 0}; }));
    CHECK(without([](ConvExtents& c) { c.params.dilation_h = 2; }));
    CHECK(without([](ConvExtents& c) { c.kind = ConvKind::backward_filter; }));
}
