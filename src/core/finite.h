#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace camber {

/// The index of the first NaN or infinity; `count` where there is none.
inline std::size_t first_non_finite(const float* values, std::size_t count) {
    constexpr std::size_t block = 1024;  // of a constant length, so that it is vectorised
    std::size_t begin = 0;
    for (; begin + block <= count; begin += block) {
        std::uint32_t largest = 0;
        for (std::size_t i = 0; i < block; ++i) {
            std::uint32_t bits;
            std::memcpy(&bits, values + begin + i, sizeof bits);
            bits &= 0x7fffffffu;
            largest = bits > largest ? bits : largest;
        }
        if (largest >= 0x7f800000u) break;
    }
    while (begin < count && std::isfinite(values[begin])) ++begin;
    return begin;
}

}  // namespace camber
