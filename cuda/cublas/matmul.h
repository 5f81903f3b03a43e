#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/cublas/cublas_api.h"
#include "cuda/cublas/matrix_product.h"

namespace camber::cublas {

/// How a product is computed. Sums are in f32.
struct MatmulTypes {
    Dtype dtype = Dtype::bf16;  ///< of a and b
    Dtype out = Dtype::bf16;    ///< dtype, or f32; of the bias too
    bool tf32 = false;          ///< f32 may be rounded to TF32's 11 bits for tensor cores
};

/// Addresses on the device: the first element of each tensor, and the repeated bias (may be null).
struct MatmulAddresses {
    const void *a = nullptr, *b = nullptr, *bias = nullptr;
    void* out = nullptr;
};

/// An algorithm of cuBLASLt's for a product, and the scratch memory that it needs.
struct Algorithm {
    cublasLtMatmulAlgo_t value{};
    std::int64_t workspace_bytes = 0;
};

/// One MatrixProduct in cuBLASLt's descriptors. Its matrices are by columns: a product by rows is the product of the
/// transposes in the other order.
class Matmul {
  public:
    /// Throws Error naming the call that cuBLASLt refuses.
    Matmul(const Api& api, const MatrixProduct& product, const MatmulTypes& types);

    /// Up to `most` that need at most `workspace` bytes, those that cuBLASLt expects to be fastest first; all give the
    /// same bits every time and sum in f32. Empty where it has none.
    std::vector<Algorithm> algorithms(cublasLtHandle_t handle, int most, std::int64_t workspace) const;
    /// An algorithm kept as its bytes; throws Error where the library does not run it here.
    Algorithm restore(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& value) const;
    /// For people: "algorithm 21, tile 15, stages 8, split 3".
    std::string describe(const Algorithm& algorithm) const;
    /// Queues the product on `stream`.
    void run(cublasLtHandle_t handle, const Algorithm& algorithm, const MatmulAddresses& addresses, void* workspace,
             cudaStream_t stream) const;

  private:
    template <class T>
    using Descriptor = std::unique_ptr<T, cublasStatus_t (*)(T*)>;
    using Description = Descriptor<cublasLtMatmulDescOpaque_t>;
    using Layout = Descriptor<cublasLtMatrixLayoutOpaque_t>;

    Description make_description() const;
    Layout make_layout(Dtype dtype, std::int64_t rows, std::int64_t columns, const MatrixOperand& operand) const;

    const Api* api_;
    MatrixProduct product_;
    MatmulTypes types_;
    Description description_;
    Layout a_, b_, out_;
};

}  // namespace camber::cublas
