#pragma once
#include <cstdint>
#include <string>

#include "kernels/time_call.h"

/// A GPU's own ceiling of arithmetic: what cuBLASLt makes of a large matrix product.
namespace camber::bench {

struct MatrixRate {
    double operations_per_second = 0;  ///< additions and multiplications of the fastest algorithm
    std::string algorithm;
    std::string why_absent;  ///< empty: measured
};

/// Of [n, n] by [n, n], random values, with f32 sums. bf16, or f32 that may be rounded to TF32 with `tf32`.
MatrixRate matrix_rate(Device device, Dtype dtype, bool tf32, std::int64_t n, const Rounds& rounds);

}  // namespace camber::bench
