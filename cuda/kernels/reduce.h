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

/// v[first] = the sum over the warp of v[first + i], of 2 * half values or, where half is 0, of one: lanes with a bit
/// of `offset` set go on with the upper half of the values, the others with the lower.
template <int first, int half, int offset, int n>
__device__ __forceinline__ void halve_sums(float (&v)[n]) {
    if constexpr (offset > 0) {
        if constexpr (half == 0) {
            v[first] += __shfl_xor_sync(full_mask, v[first], offset);
        } else {
            const bool upper = (threadIdx.x & offset) != 0;
#pragma unroll
            for (int i = first; i < first + half; ++i) {
                const float own = upper ? v[i + half] : v[i], other = upper ? v[i] : v[i + half];
                v[i] = own + __shfl_xor_sync(full_mask, other, offset);
            }
        }
        halve_sums<first, half / 2, offset / 2>(v);
    }
}

/// Calls keep(i, sum of v[i] over the warp) for every i, each in one lane. Lanes halve what they carry with every
/// exchange, so that n values take about n shuffles, not 5 n. v is used up.
template <int first = 0, int n, class F>
__device__ __forceinline__ void warp_sums(float (&v)[n], F keep) {
    if constexpr (first < n) {
        constexpr int left = n - first, count = left >= 32 ? 32 : left >= 16 ? 16 : left >= 8 ? 8 : left >= 4 ? 4 : 1;
        halve_sums<first, count / 2, 16>(v);
        const int lane = static_cast<int>(threadIdx.x) % 32;
        if (lane % (32 / count) == 0) keep(first + lane / (32 / count), v[first]);
        warp_sums<first + count>(v, keep);
    }
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

/// What another block of the running kernel wrote: not from this multiprocessor's own L1 cache.
template <class T>
__device__ __forceinline__ T from_other_block(const T* p) {
#if defined(__CUDA_ARCH__)
    return __ldcg(p);
#else
    return *p;
#endif
}

/// True in all threads of the block that comes here last of `blocks`: what every block wrote before it came is there.
/// All threads of a block must come. `counter` is zero before and after. One thread fences for its block: the barriers
/// put the accesses of the others before and after its own.
__device__ __forceinline__ bool last_to_arrive(unsigned* counter, unsigned blocks) {
    SHARED_MEMORY(last, bool);
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        last = atomicAdd(counter, 1u) == blocks - 1;
        if (last) {
            *counter = 0;
            __threadfence();
        }
    }
    __syncthreads();
    return last;
}

/// Calls finish(sum) in one thread of the grid with the sum over all its threads, in f64 and in one order. The grid has
/// one dimension, `partial` room for a number a block, `scratch` for one a warp; `arrived` as in last_to_arrive().
template <int threads, class Finish>
__device__ __forceinline__ void finish_sum(double x, double* partial, unsigned* arrived, double* scratch,
                                           Finish finish) {
    x = block_sum<threads>(x, scratch);
    if (threadIdx.x == 0) partial[blockIdx.x] = x;
    if (!last_to_arrive(arrived, gridDim.x)) return;
    x = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += threads) x += from_other_block(partial + i);
    x = block_sum<threads>(x, scratch);
    if (threadIdx.x == 0) finish(x);
}

}  // namespace camber::CAMBER_GPU
