#pragma once
#include "backend/cpu/parallel.h"

namespace camber::cpu {

/// A confusion matrix that the threads count on their own and add up at the end.
class Histogram {
  public:
    explicit Histogram(const Tensor& counts)
        : counts_(counts),
          classes_(counts ? counts.dim(0) : 0),
          memory_(static_cast<std::size_t>(omp_get_max_threads() * cells()) * sizeof(std::int32_t)) {
        std::fill_n(memory_.as<std::int32_t>(), omp_get_max_threads() * cells(), 0);
    }
    /// This thread's, rows truth.
    std::int32_t* mine() const { return memory_.as<std::int32_t>() + omp_get_thread_num() * cells(); }
    bool wanted() const { return counts_.defined(); }
    /// Lanes whose truth is negative are left out.
    CAMBER_VEC void add(IntVec truth, IntVec prediction) const {
        std::int32_t* const counts = mine();
        for (int k = 0; k < lanes; ++k)
            if (truth[k] >= 0) ++counts[truth[k] * classes_ + prediction[k]];
    }
    void deliver() const {
        for (std::int64_t i = 0; i < omp_get_max_threads() * cells(); ++i)
            counts_.data<std::int32_t>()[i % cells()] += memory_.as<std::int32_t>()[i];
    }

  private:
    std::int64_t cells() const { return classes_ * classes_; }

    Tensor counts_;
    std::int64_t classes_;
    Scratch memory_;
};

}  // namespace camber::cpu
