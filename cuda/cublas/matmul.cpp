#include "cuda/cublas/matmul.h"

#include <camber/error.h>

#include <algorithm>

namespace camber::cublas {
namespace {

cudaDataType_t data_type(Dtype dtype) {
    if (dtype == Dtype::bf16) return CUDA_R_16BF;
    if (dtype == Dtype::f32) return CUDA_R_32F;
    fail("cuBLAS's products are in f32 and bf16, not {}", name(dtype));
}

/// Bytes that the first element of every matrix is aligned to, 16 at most, where the tensor's is to 16. cuBLASLt looks
/// at row strides itself.
std::uint32_t alignment(const MatrixOperand& operand, Dtype dtype) {
    std::uint32_t bytes = 16;
    while (static_cast<std::uint64_t>(operand.offset | operand.batch_stride) * size_of(dtype) % bytes != 0) bytes /= 2;
    return bytes;
}

const void* at(const void* tensor, const MatrixOperand& operand, Dtype dtype) {
    return static_cast<const char*>(tensor) + static_cast<std::size_t>(operand.offset) * size_of(dtype);
}

}  // namespace

Matmul::Matmul(const Api& api, const MatrixProduct& product, const MatmulTypes& types)
    : api_(&api),
      product_(product),
      types_(types),
      description_(make_description()),
      a_(make_layout(types.dtype, product.rows, product.inner, product.a)),
      b_(make_layout(types.dtype, product.inner, product.columns, product.b)),
      out_(make_layout(types.out, product.rows, product.columns, product.out)) {}

Matmul::Description Matmul::make_description() const {
    cublasLtMatmulDesc_t description = nullptr;
    const bool fast = types_.tf32 && types_.dtype == Dtype::f32;
    check(*api_,
          api_->MatmulDescCreate(&description, fast ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
          "cublasLtMatmulDescCreate", "describing a matrix product");
    Description made(description, api_->MatmulDescDestroy);
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, auto value) {
        check(*api_, api_->MatmulDescSetAttribute(description, attribute, &value, sizeof value),
              "cublasLtMatmulDescSetAttribute", "describing a matrix product");
    };
    // out^T = b^T a^T: what is called A there is b, and by columns it is transposed already.
    set(CUBLASLT_MATMUL_DESC_TRANSA, std::int32_t{product_.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N});
    set(CUBLASLT_MATMUL_DESC_TRANSB, std::int32_t{product_.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N});
    if (product_.bias_repeats > 0) {
        set(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_BIAS});
        // Until run() gives the address, one whose alignment algorithms may count on.
        set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<const void*>(std::uintptr_t{16}));
    }
    return made;
}

Matmul::Layout Matmul::make_layout(Dtype dtype, std::int64_t rows, std::int64_t columns,
                                   const MatrixOperand& operand) const {
    if (operand.transposed) std::swap(rows, columns);
    cublasLtMatrixLayout_t layout = nullptr;
    check(*api_,
          api_->MatrixLayoutCreate(&layout, data_type(dtype), static_cast<std::uint64_t>(columns),
                                   static_cast<std::uint64_t>(rows), operand.row_stride),
          "cublasLtMatrixLayoutCreate", "describing a matrix");
    Layout made(layout, api_->MatrixLayoutDestroy);
    const auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, auto value) {
        check(*api_, api_->MatrixLayoutSetAttribute(layout, attribute, &value, sizeof value),
              "cublasLtMatrixLayoutSetAttribute", "describing a matrix");
    };
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(product_.batch));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, std::int64_t{operand.batch_stride});
    return made;
}

std::vector<Algorithm> Matmul::algorithms(cublasLtHandle_t handle, int most, std::int64_t workspace) const {
    cublasLtMatmulPreference_t raw = nullptr;
    check(*api_, api_->MatmulPreferenceCreate(&raw), "cublasLtMatmulPreferenceCreate", "choosing an algorithm");
    const Descriptor<cublasLtMatmulPreferenceOpaque_t> preference(raw, api_->MatmulPreferenceDestroy);
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
        check(*api_, api_->MatmulPreferenceSetAttribute(raw, attribute, &value, sizeof value),
              "cublasLtMatmulPreferenceSetAttribute", "choosing an algorithm");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(workspace));
    // Partial sums in f32 and added in order; the other schemes add atomically or in the output's dtype.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(product_.b, types_.dtype));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(product_.a, types_.dtype));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment(product_.out, types_.out));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(product_.out, types_.out));

    std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<std::size_t>(most));
    int count = 0;
    const cublasStatus_t status = api_->MatmulAlgoGetHeuristic(
        handle, description_.get(), b_.get(), a_.get(), out_.get(), out_.get(), raw, most, results.data(), &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
    check(*api_, status, "cublasLtMatmulAlgoGetHeuristic", "choosing an algorithm");
    std::vector<Algorithm> found;
    for (int i = 0; i < count; ++i) {
        const cublasLtMatmulHeuristicResult_t& result = results[static_cast<std::size_t>(i)];
        if (result.state == CUBLAS_STATUS_SUCCESS)
            found.push_back({result.algo, static_cast<std::int64_t>(result.workspaceSize)});
    }
    return found;
}

Algorithm Matmul::restore(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& value) const {
    cublasLtMatmulHeuristicResult_t result{};
    check(
        *api_,
        api_->MatmulAlgoCheck(handle, description_.get(), b_.get(), a_.get(), out_.get(), out_.get(), &value, &result),
        "cublasLtMatmulAlgoCheck", "restoring an algorithm");
    return {value, static_cast<std::int64_t>(result.workspaceSize)};
}

std::string Matmul::describe(const Algorithm& algorithm) const {
    const auto get = [&](cublasLtMatmulAlgoConfigAttributes_t attribute) {
        std::uint32_t number = 0;
        api_->MatmulAlgoConfigGetAttribute(&algorithm.value, attribute, &number, sizeof number, nullptr);
        return number;
    };
    return fmt::format("algorithm {}, tile {}, stages {}, split {}", get(CUBLASLT_ALGO_CONFIG_ID),
                       get(CUBLASLT_ALGO_CONFIG_TILE_ID), get(CUBLASLT_ALGO_CONFIG_STAGES_ID),
                       get(CUBLASLT_ALGO_CONFIG_SPLITK_NUM));
}

void Matmul::run(cublasLtHandle_t handle, const Algorithm& algorithm, const MatmulAddresses& addresses, void* workspace,
                 cudaStream_t stream) const {
    if (product_.bias_repeats > 0) {
        check(*api_,
              api_->MatmulDescSetAttribute(description_.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, &addresses.bias,
                                           sizeof addresses.bias),
              "cublasLtMatmulDescSetAttribute", "giving a matrix product its bias");
    }
    const float alpha = 1, beta = product_.accumulate ? 1 : 0;
    void* const out = const_cast<void*>(at(addresses.out, product_.out, types_.out));
    check(*api_,
          api_->Matmul(handle, description_.get(), &alpha, at(addresses.b, product_.b, types_.dtype), b_.get(),
                       at(addresses.a, product_.a, types_.dtype), a_.get(), &beta, out, out_.get(), out, out_.get(),
                       &algorithm.value, workspace, static_cast<std::size_t>(algorithm.workspace_bytes), stream),
          "cublasLtMatmul", "running " + describe(algorithm));
}

}  // namespace camber::cublas
