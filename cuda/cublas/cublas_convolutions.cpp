#include "cuda/cublas/cublas_convolutions.h"

#include <camber/error.h>

#include <algorithm>
#include <cstring>

#include "cuda/convolutions/operands.h"
#include "cuda/cublas/matmul.h"
#include "cuda/kernels/convert_channels.h"
#include "cuda/runtime/runtime.h"

namespace camber::cuda {
namespace {

using cublas::Algorithm;
using cublas::ConvOperand;
using cublas::Matmul;
using cublas::MatmulTypes;
using cublas::MatrixProduct;

constexpr int most_algorithms = 8;
constexpr std::int64_t most_workspace = std::int64_t{32} << 20;

using Products = std::vector<MatrixProduct>;

Products products_of(const ConvCall& call) {
    const Dtype dtype = call.image.dtype();
    if (dtype != Dtype::f32 && dtype != Dtype::bf16) return {};
    Products products = cublas::matrix_products(cublas::extents_of(call));
    // What a grid's z counts.
    for (const MatrixProduct& product : products)
        if (product.batch > 65535) return {};
    return products;
}

MatmulTypes types_of(const ConvCall& call, bool tf32) {
    const Dtype dtype = call.image.dtype();
    return {.dtype = dtype, .out = call.kind == ConvKind::backward_filter ? Dtype::f32 : dtype, .tf32 = tf32};
}

std::vector<Matmul> matmuls_of(const cublas::Api& api, const Products& products, const MatmulTypes& types) {
    std::vector<Matmul> matmuls;
    for (const MatrixProduct& product : products) matmuls.emplace_back(api, product, types);
    return matmuls;
}

/// A convolution's products, each with an algorithm.
class CublasPlan final : public ConvPlan {
  public:
    CublasPlan(cublasLtHandle_t handle, Products products, std::vector<Matmul> matmuls,
               std::vector<Algorithm> algorithms, const MatmulTypes& types)
        : handle_(handle),
          products_(std::move(products)),
          matmuls_(std::move(matmuls)),
          algorithms_(std::move(algorithms)),
          types_(types) {}

    std::string text() const override {
        std::string text = products_[0].bias_repeats > 0 ? "products with bias: " : "products: ";
        for (std::size_t i = 0; i < matmuls_.size(); ++i)
            text += (i > 0 ? "; " : "") + matmuls_[i].describe(algorithms_[i]);
        return text;
    }
    std::string saved() const override;
    void run(const ConvCall& call) const override;

  private:
    cublasLtHandle_t handle_;
    Products products_;
    std::vector<Matmul> matmuls_;
    std::vector<Algorithm> algorithms_;
    MatmulTypes types_;
};

/// Sixteen hexadecimal digits a word.
std::string CublasPlan::saved() const {
    std::string text;
    for (const Algorithm& algorithm : algorithms_)
        for (const std::uint64_t word : algorithm.value.data) text += fmt::format("{:016x}", word);
    return text;
}

/// `bias` so many times in a row, in `dtype`.
Tensor repeated(const Tensor& bias, std::int64_t times, Dtype dtype) {
    if (times == 1 && dtype == bias.dtype() && reinterpret_cast<std::uintptr_t>(bias.raw()) % 16 == 0) return bias;
    const Tensor whole = Tensor::empty({times * bias.numel()}, dtype, this_device);
    for (std::int64_t i = 0; i < times; ++i) convert_channels(bias, whole.slice(i * bias.numel(), {bias.numel()}));
    return whole;
}

void CublasPlan::run(const ConvCall& call) const {
    // The tensor of the filter's gradient is f32, the filter in the image's dtype.
    const ConvOperands operands(call, call.image.dim(3), call.filter.dim(0), types_.dtype,
                                call.kind == ConvKind::backward_filter ? types_.out : types_.dtype);
    const auto address = [&](ConvOperand operand) {
        switch (operand) {
            case ConvOperand::image:
                return operands.image().raw();
            case ConvOperand::filter:
                return operands.filter().raw();
            case ConvOperand::response:
                return operands.response().raw();
        }
        return static_cast<void*>(nullptr);
    };
    std::int64_t bytes = 0;
    for (const Algorithm& algorithm : algorithms_) bytes = std::max(bytes, algorithm.workspace_bytes);
    const Workspace workspace(bytes);
    Tensor bias;
    for (std::size_t i = 0; i < products_.size(); ++i) {
        const MatrixProduct& product = products_[i];
        if (product.bias_repeats > 0 && !bias) bias = repeated(call.bias, product.bias_repeats, types_.out);
        matmuls_[i].run(handle_, algorithms_[i],
                        {.a = address(product.a.tensor),
                         .b = address(product.b.tensor),
                         .bias = product.bias_repeats > 0 ? bias.raw() : nullptr,
                         .out = address(product.out.tensor)},
                        workspace.data(), compute_stream());
    }
    operands.deliver();
}

}  // namespace

CublasConvolutions::CublasConvolutions(const cublas::Api& api, const ConvolutionSettings& settings)
    : api_(api), tf32_(settings.tf32) {
    cublas::check(api, api.Create(&handle_), "cublasLtCreate", "opening cuBLAS");
}

CublasConvolutions::~CublasConvolutions() { api_.Destroy(handle_); }

std::vector<std::unique_ptr<ConvPlan>> CublasConvolutions::plans(const ConvCall& call) {
    const Products products = products_of(call);
    if (products.empty()) return {};
    const MatmulTypes types = types_of(call, tf32_);
    // The first of every product's algorithms, the second of every one's, ...
    std::vector<std::vector<Algorithm>> offered;
    std::size_t count = most_algorithms;
    for (const Matmul& matmul : matmuls_of(api_, products, types)) {
        offered.push_back(matmul.algorithms(handle_, most_algorithms, most_workspace));
        count = std::min(count, offered.back().size());
    }
    std::vector<std::unique_ptr<ConvPlan>> plans;
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<Algorithm> algorithms;
        for (const std::vector<Algorithm>& of_product : offered) algorithms.push_back(of_product[i]);
        plans.push_back(std::make_unique<CublasPlan>(handle_, products, matmuls_of(api_, products, types),
                                                     std::move(algorithms), types));
    }
    return plans;
}

std::unique_ptr<ConvPlan> CublasConvolutions::restore(const ConvCall& call, const std::string& saved) {
    const Products products = products_of(call);
    const MatmulTypes types = types_of(call, tf32_);
    std::vector<Matmul> matmuls = matmuls_of(api_, products, types);
    constexpr std::size_t words = sizeof(cublasLtMatmulAlgo_t) / sizeof(std::uint64_t), digits = 16 * words;
    if (products.empty() || saved.size() != products.size() * digits) fail("not a plan of cuBLAS's for {}", call.name);
    std::vector<Algorithm> algorithms;
    for (std::size_t i = 0; i < products.size(); ++i) {
        cublasLtMatmulAlgo_t value{};
        for (std::size_t k = 0; k < words; ++k)
            value.data[k] = std::strtoull(saved.substr(i * digits + k * 16, 16).c_str(), nullptr, 16);
        algorithms.push_back(matmuls[i].restore(handle_, value));
    }
    return std::make_unique<CublasPlan>(handle_, products, std::move(matmuls), std::move(algorithms), types);
}

}  // namespace camber::cuda
