#pragma once
#include "cuda/kernels/rows.h"

namespace camber::CAMBER_GPU {

/// The first of the row's channels that has its `largest` value; the row's first where that is NaN.
template <class Row>
__device__ __forceinline__ int channel_of(float largest, const float (&v)[Row::slots]) {
    constexpr int none = 1 << 30;
    int best = none;
#pragma unroll
    for (int s = Row::slots - 1; s >= 0; --s)
        if (v[s] == largest) best = Row::channel(s);
    if (Row::channel(0) == 0 && v[0] != v[0]) best = 0;
    if constexpr (Row::lanes > 1)
#pragma unroll
        for (int offset = Row::lanes / 2; offset > 0; offset /= 2)
            best = min(best, __shfl_xor_sync(full_mask, best, offset));
    return best == none ? 0 : best;
}

/// counts [C, C] i32, truth by prediction, is added to; pixels whose truth is ignore_index or >= C are left out.
void confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts, int ignore_index);

/// A confusion matrix that blocks count in shared memory, beyond what for_rows() has there. Integers add up to the same
/// in any order.
class PixelCounts {
  public:
    /// Whether the matrix has room beside the rows.
    static bool fit(int classes) { return classes <= 64; }
    static std::size_t shared_bytes(const Tensor& counts, int classes) {
        return counts ? static_cast<std::size_t>(classes * classes) * sizeof(int) : 0;
    }

    /// `counts` [classes, classes], truth by prediction, or null: nothing is counted. `row_bytes`: of dynamic shared
    /// memory, in use by others. All threads construct it; there must be a barrier before the first add().
    __device__ __forceinline__ PixelCounts(int* counts, int classes, std::size_t row_bytes)
        : counts_(counts), classes_(classes) {
        if (!counts) return;
        histogram_ = reinterpret_cast<int*>(dynamic_shared<char>() + row_bytes);
        for (int i = static_cast<int>(threadIdx.x); i < classes * classes; i += row_threads) histogram_[i] = 0;
    }
    template <class Row>
    __device__ __forceinline__ void add(int truth, int prediction) {
        if (counts_ && (Row::lanes == 1 || threadIdx.x % 32 == 0))
            atomicAdd(histogram_ + truth * classes_ + prediction, 1);
    }
    /// All threads, after a barrier.
    __device__ __forceinline__ void deliver() const {
        if (!counts_) return;
        for (int i = static_cast<int>(threadIdx.x); i < classes_ * classes_; i += row_threads)
            if (histogram_[i] > 0) atomicAdd(counts_ + i, histogram_[i]);
    }

  private:
    int *counts_, *histogram_ = nullptr;
    int classes_;
};

}  // namespace camber::CAMBER_GPU
