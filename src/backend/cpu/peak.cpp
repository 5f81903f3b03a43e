#include "backend/cpu/peak.h"

#include <omp.h>

#include "backend/cpu/vec.h"

namespace camber::cpu {

double multiply_add(std::int64_t rounds) {
    // As many sums as hide what a multiply-add takes, and as few as registers hold.
#if defined(__AVX512F__)
    constexpr int sums = 12;
#else
    constexpr int sums = 5;
#endif
#pragma omp parallel
    {
        // Nothing that the compiler could know the end of. They go towards 2.
        volatile float half = 0.5f, one = 1, kept;
        const Vec a = splat(half), b = splat(one);
        Vec sum[sums];
        for (int i = 0; i < sums; ++i) sum[i] = splat(one) * static_cast<float>(i);
        for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
            for (int i = 0; i < sums; ++i) sum[i] = fma(sum[i], a, b);
        for (int i = 0; i < sums; ++i) kept = lane_sum(sum[i]);
        static_cast<void>(kept);
    }
    return 2.0 * sums * lanes * omp_get_max_threads();
}

}  // namespace camber::cpu
