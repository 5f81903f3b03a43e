#include "io/crc.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace camber {
namespace {

// The bits of polynomials and remainders are in the order of reflected CRCs: bit 31 is x^0.
constexpr std::uint32_t zip_polynomial = 0xEDB88320u, castagnoli_polynomial = 0x82F63B78u;

constexpr std::uint32_t product(std::uint32_t polynomial, std::uint32_t a, std::uint32_t b) {
    std::uint32_t result = 0;
    for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if (a & bit) result ^= b;
        b = b >> 1 ^ (b & 1 ? polynomial : 0);
    }
    return result;
}

/// x^n modulo the polynomial.
constexpr std::uint32_t power(std::uint32_t polynomial, std::uint64_t n) {
    std::uint32_t result = 1u << 31;
    for (std::uint32_t square = 1u << 30; n != 0; n >>= 1, square = product(polynomial, square, square)) {
        if (n & 1) result = product(polynomial, result, square);
    }
    return result;
}

/// [k][b]: byte b followed by k zero bytes (slicing by 8: Kounavis and Berry, 2005).
template <std::uint32_t polynomial>
constexpr auto tables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> t{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        t[0][b] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t b = 0; b < 256; ++b) t[k][b] = t[k - 1][b] >> 8 ^ t[0][t[k - 1][b] & 0xFF];
    }
    return t;
}();

/// The register after these bytes, `crc` before them: neither is inverted.
template <std::uint32_t polynomial>
std::uint32_t by_tables(const unsigned char* from, std::size_t bytes, std::uint32_t crc) {
    constexpr const auto& t = tables<polynomial>;
    for (; bytes >= 8; from += 8, bytes -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, from, sizeof word);
        word ^= crc;  // little-endian, as input_file.cpp asserts
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= t[7 - i][word >> (8 * i) & 0xFF];
    }
    for (; bytes > 0; ++from, --bytes) crc = crc >> 8 ^ t[0][(crc ^ *from) & 0xFF];
    return crc;
}

#if defined(__x86_64__)

// Folding (Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009):
// 128 bits are replaced by what is congruent to them, `bits` bits further on, where the halves' products with these two
// constants are added. What is left at the end are 16 bytes for the tables.
#define CAMBER_FOLD_128 __attribute__((target("pclmul,sse4.1")))
#define CAMBER_FOLD_512 __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.1")))

template <std::uint32_t polynomial, int bits>
constexpr long long low_factor = static_cast<long long>(power(polynomial, bits + 32)) << 1;
template <std::uint32_t polynomial, int bits>
constexpr long long high_factor = static_cast<long long>(power(polynomial, bits - 32)) << 1;

CAMBER_FOLD_128 __m128i load_128(const unsigned char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

template <std::uint32_t polynomial, int bits>
CAMBER_FOLD_128 __m128i folded(__m128i x, __m128i next) {
    const __m128i factors = _mm_set_epi64x(high_factor<polynomial, bits>, low_factor<polynomial, bits>);
    return _mm_xor_si128(next,
                         _mm_xor_si128(_mm_clmulepi64_si128(x, factors, 0x00), _mm_clmulepi64_si128(x, factors, 0x11)));
}

/// 64 bytes and those that follow, a multiple of 16 in all.
template <std::uint32_t polynomial>
CAMBER_FOLD_128 std::uint32_t finish(__m128i a, __m128i b, __m128i c, __m128i d, const unsigned char* from,
                                     std::size_t bytes) {
    a = folded<polynomial, 128>(folded<polynomial, 128>(folded<polynomial, 128>(a, b), c), d);
    for (; bytes >= 16; from += 16, bytes -= 16) a = folded<polynomial, 128>(a, load_128(from));
    unsigned char rest[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), a);
    return by_tables<polynomial>(rest, sizeof rest, 0);
}

/// At least 64 bytes, a multiple of 16.
template <std::uint32_t polynomial>
CAMBER_FOLD_128 std::uint32_t by_folding_128(const unsigned char* from, std::size_t bytes, std::uint32_t crc) {
    __m128i a = _mm_xor_si128(load_128(from), _mm_cvtsi32_si128(static_cast<int>(crc))), b = load_128(from + 16),
            c = load_128(from + 32), d = load_128(from + 48);
    for (from += 64, bytes -= 64; bytes >= 64; from += 64, bytes -= 64) {
        a = folded<polynomial, 512>(a, load_128(from));
        b = folded<polynomial, 512>(b, load_128(from + 16));
        c = folded<polynomial, 512>(c, load_128(from + 32));
        d = folded<polynomial, 512>(d, load_128(from + 48));
    }
    return finish<polynomial>(a, b, c, d, from, bytes);
}

template <std::uint32_t polynomial, int bits>
CAMBER_FOLD_512 __m512i folded(__m512i x, __m512i next) {
    constexpr long long high = high_factor<polynomial, bits>, low = low_factor<polynomial, bits>;
    const __m512i factors = _mm512_set_epi64(high, low, high, low, high, low, high, low);
    constexpr int exclusive_or = 0x96;
    return _mm512_ternarylogic_epi64(next, _mm512_clmulepi64_epi128(x, factors, 0x00),
                                     _mm512_clmulepi64_epi128(x, factors, 0x11), exclusive_or);
}

/// At least 256 bytes, a multiple of 16.
template <std::uint32_t polynomial>
CAMBER_FOLD_512 std::uint32_t by_folding_512(const unsigned char* from, std::size_t bytes, std::uint32_t crc) {
    __m512i a = _mm512_xor_si512(_mm512_loadu_si512(from),
                                 _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc)))),
            b = _mm512_loadu_si512(from + 64), c = _mm512_loadu_si512(from + 128), d = _mm512_loadu_si512(from + 192);
    for (from += 256, bytes -= 256; bytes >= 256; from += 256, bytes -= 256) {
        a = folded<polynomial, 2048>(a, _mm512_loadu_si512(from));
        b = folded<polynomial, 2048>(b, _mm512_loadu_si512(from + 64));
        c = folded<polynomial, 2048>(c, _mm512_loadu_si512(from + 128));
        d = folded<polynomial, 2048>(d, _mm512_loadu_si512(from + 192));
    }
    a = folded<polynomial, 512>(folded<polynomial, 512>(folded<polynomial, 512>(a, b), c), d);
    for (; bytes >= 64; from += 64, bytes -= 64) a = folded<polynomial, 512>(a, _mm512_loadu_si512(from));
    unsigned char four[64];
    _mm512_storeu_si512(four, a);
    return finish<polynomial>(load_128(four), load_128(four + 16), load_128(four + 32), load_128(four + 48), from,
                              bytes);
}

#endif

template <std::uint32_t polynomial>
std::uint32_t checksum(const void* data, std::size_t bytes, std::uint32_t crc, CrcMethod method) {
    const auto* from = static_cast<const unsigned char*>(data);
    crc = ~crc;
#if defined(__x86_64__)
    const std::size_t folded = bytes / 16 * 16;
    if (method != CrcMethod::tables && bytes >= 64) {
        crc = method == CrcMethod::fold_512 && bytes >= 256 ? by_folding_512<polynomial>(from, folded, crc)
                                                            : by_folding_128<polynomial>(from, folded, crc);
        from += folded;
        bytes -= folded;
    }
#endif
    return ~by_tables<polynomial>(from, bytes, crc);
}

}  // namespace

CrcMethod best_crc_method() {
#if defined(__x86_64__)
    static const CrcMethod best = [] {
        if (!__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1")) return CrcMethod::tables;
        const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
        return wide ? CrcMethod::fold_512 : CrcMethod::fold_128;
    }();
    return best;
#else
    return CrcMethod::tables;
#endif
}

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t crc, CrcMethod method) {
    return checksum<zip_polynomial>(data, bytes, crc, method);
}

std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc, CrcMethod method) {
    return checksum<castagnoli_polynomial>(data, bytes, crc, method);
}

std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t bytes) {
    return product(zip_polynomial, power(zip_polynomial, 8 * bytes), first) ^ second;
}

}  // namespace camber
