#pragma once
#include <bit>
#include <cstdint>

namespace camber {

/// A 16-bit brain float: the upper half of an IEEE f32. Conversion from f32 rounds to nearest, ties to even; NaN stays
/// NaN.
struct bf16 {
    std::uint16_t bits = 0;

    bf16() = default;
    constexpr explicit bf16(float value) {
        const auto u = std::bit_cast<std::uint32_t>(value);
        const bool is_nan = (u & 0x7fffffffu) > 0x7f800000u;
        bits = is_nan ? static_cast<std::uint16_t>((u >> 16) | 0x40u)
                      : static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
    constexpr explicit bf16(double value) : bf16(static_cast<float>(value)) {}
    constexpr operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

static_assert(sizeof(bf16) == 2);

}  // namespace camber
