#include "core/finite.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace camber {
namespace {

constexpr std::size_t block = 1024;  // a constant, so that a block is vectorised

/// How many blocks from the first on have finite values alone.
inline __attribute__((always_inline)) std::size_t finite_blocks(const float* values, std::size_t blocks) {
    constexpr std::uint32_t exponent = 0x7f800000u;
    for (std::size_t b = 0; b < blocks; ++b, values += block) {
        std::uint32_t found = 0;
        for (std::size_t i = 0; i < block; ++i) {
            std::uint32_t bits;
            std::memcpy(&bits, values + i, sizeof bits);
            found |= (bits & exponent) == exponent ? 1u : 0u;
        }
        if (found != 0) return b;
    }
    return blocks;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::size_t finite_blocks_avx2(const float* values, std::size_t blocks) {
    return finite_blocks(values, blocks);
}
#endif

}  // namespace

std::size_t first_non_finite(const float* values, std::size_t count) {
    std::size_t i;
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2");
    i = block * (has_avx2 ? finite_blocks_avx2 : finite_blocks)(values, count / block);
#else
    i = block * finite_blocks(values, count / block);
#endif
    while (i < count && std::isfinite(values[i])) ++i;
    return i;
}

}  // namespace camber
