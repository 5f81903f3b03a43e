#pragma once
#include "cuda/cublas/matmul.h"
#include "kernels/matrix_rate.h"

namespace camber::bench {

/// Where the product's tensors are and on which stream it is queued.
struct MatrixPlace {
    Device device = Device::cuda;
    cudaStream_t stream = nullptr;
};

/// matrix_rate() by a cuBLASLt that has been loaded. Throws Error naming the call that it refuses.
MatrixRate cublas_rate(const cublas::Api& api, const MatrixPlace& place, const cublas::MatmulTypes& types,
                       std::int64_t n, const Rounds& rounds);

}  // namespace camber::bench
