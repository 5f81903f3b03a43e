#include "io/crc32.h"

#include "io/crc_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace camber {
namespace {

constexpr std::uint32_t polynomial = 0xEDB88320u;
constexpr std::array<CrcTable, 8> tables = make_crc_tables(polynomial);

/// a b modulo the polynomial; bit 31 is x^0.
constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) {
    std::uint32_t result = 0;
    for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if (a & bit) result ^= b;
        b = b >> 1 ^ (b & 1 ? polynomial : 0);
    }
    return result;
}

/// x^(2^i) modulo the polynomial.
constexpr std::array<std::uint32_t, 32> powers = [] {
    std::array<std::uint32_t, 32> list{};
    list[0] = 1u << 30;
    for (std::size_t i = 1; i < list.size(); ++i) list[i] = product(list[i - 1], list[i - 1]);
    return list;
}();

#if defined(__x86_64__)

/// Folds 64 bytes at a time into four registers, these into one, and leaves its 16 bytes to the tables (Gopal and
/// others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009; its constants for
/// this polynomial). At least 64 bytes, a multiple of 16.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t by_folding(const unsigned char* from, std::size_t bytes,
                                                                  std::uint32_t crc) {
    const auto load = [](const unsigned char* at) __attribute__((target("pclmul,sse4.1"))) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    };
    const auto fold = [](__m128i x, __m128i by, __m128i next) __attribute__((target("pclmul,sse4.1"))) {
        return _mm_xor_si128(next, _mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11)));
    };
    const __m128i over_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4),
                  over_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    __m128i a = _mm_xor_si128(load(from), _mm_cvtsi32_si128(static_cast<int>(crc))), b = load(from + 16),
            c = load(from + 32), d = load(from + 48);
    for (from += 64, bytes -= 64; bytes >= 64; from += 64, bytes -= 64) {
        a = fold(a, over_64, load(from));
        b = fold(b, over_64, load(from + 16));
        c = fold(c, over_64, load(from + 32));
        d = fold(d, over_64, load(from + 48));
    }
    a = fold(fold(fold(a, over_16, b), over_16, c), over_16, d);
    for (; bytes >= 16; from += 16, bytes -= 16) a = fold(a, over_16, load(from));
    unsigned char rest[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), a);
    return crc_by_tables(tables, rest, sizeof rest, 0);
}

#endif

}  // namespace

std::uint32_t crc32_by_tables(const void* data, std::size_t bytes, std::uint32_t crc) {
    return ~crc_by_tables(tables, static_cast<const unsigned char*>(data), bytes, ~crc);
}

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t crc) {
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
    if (has_instruction && bytes >= 64) {
        const auto* from = static_cast<const unsigned char*>(data);
        const std::size_t folded = bytes / 16 * 16;
        crc = ~by_folding(from, folded, ~crc);
        return crc32_by_tables(from + folded, bytes - folded, crc);
    }
#endif
    return crc32_by_tables(data, bytes, crc);
}

std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t bytes) {
    std::uint32_t shifted = first;
    // x^(8 bytes): the bits of `bytes` say which powers, from x^8 on; they come round after 32.
    for (std::size_t i = 3; bytes != 0; ++i, bytes >>= 1) {
        if (bytes & 1) shifted = product(powers[i % powers.size()], shifted);
    }
    return shifted ^ second;
}

}  // namespace camber
