#pragma once
#include "cuda/runtime/gpu.h"

/// Sums and maxima over warps and blocks, always in the same order.
namespace camber::CAMBER_GPU {

inline constexpr unsigned full_mask = 0xffffffffu;

/// The sum over the warp, in every lane.
template <class T>
__device__ __forceinline__ T warp_sum(T x) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(full_mask, x, offset);
    return x;
}

template <class T>
__device__ __forceinline__ T warp_max(T x) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
        const T other = __shfl_xor_sync(full_mask, x, offset);
        x = other > x ? other : x;
    }
    return x;
}

/// The sum over a block of `threads` (a multiple of 32, one-dimensional), in every thread. `scratch` holds threads / 32
/// values and may be used again after the next barrier.
template <int threads, class T>
__device__ __forceinline__ T block_sum(T x, T* scratch) {
    static_assert(threads % 32 == 0 && threads <= 1024);
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    x = warp_sum(x);
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    return warp_sum(lane < threads / 32 ? scratch[lane] : T{});
}

}  // namespace camber::CAMBER_GPU
