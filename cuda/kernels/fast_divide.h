#pragma once
#include <bit>
#include <cstdint>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// n / divisor for 0 <= n < 2^31 by a multiplication: n * ceil(2^(31 + shift) / divisor) / 2^(31 + shift), with shift =
/// ceil(log2 divisor).
struct FastDivide {
    unsigned divisor = 1, magic = 0, shift = 0;

    FastDivide() = default;
    explicit FastDivide(std::int64_t d)
        : divisor(static_cast<unsigned>(d)), shift(static_cast<unsigned>(std::bit_width(divisor - 1))) {
        magic = static_cast<unsigned>(((std::uint64_t{1} << (31 + shift)) + divisor - 1) / divisor);
    }
    __device__ __forceinline__ int quotient(int n) const {
        return static_cast<int>(__umulhi(2 * static_cast<unsigned>(n), magic) >> shift);
    }
    __device__ __forceinline__ int remainder(int n, int quotient) const {
        return n - quotient * static_cast<int>(divisor);
    }
};

}  // namespace camber::CAMBER_GPU
