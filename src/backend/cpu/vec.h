#pragma once
#include <camber/bf16.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/// Sixteen floats at a time. The compiler lowers the vector types to AVX-512, AVX2, SSE or NEON; intrinsics appear only
/// where it would not find the instruction itself.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are only ever passed to functions that are inlined
namespace camber::cpu {

inline constexpr int lanes = 16;
using Vec = float __attribute__((vector_size(64)));
using IntVec = std::int32_t __attribute__((vector_size(64)));
using WordVec = std::uint32_t __attribute__((vector_size(64)));

#define CAMBER_VEC inline __attribute__((always_inline))

/// How many of the sixteen lanes exist in memory: all, or (at the end of a row) only the first few.
struct All {};
struct First {
    int count;
};

// Not Vec{} + value: that is an addition, and keeps a multiplication from taking its operand from memory.
CAMBER_VEC Vec splat(float v) { return Vec{v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}; }

CAMBER_VEC Vec load(const float* p, All = {}) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
/// Lanes that do not exist are zero.
CAMBER_VEC Vec load(const float* p, First part) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << part.count) - 1), p);
#else
    Vec v{};
    std::memcpy(&v, p, sizeof(float) * static_cast<unsigned>(part.count % lanes));
    return v;
#endif
}

CAMBER_VEC void store(float* p, Vec v, All = {}) { std::memcpy(p, &v, sizeof v); }
CAMBER_VEC void store(float* p, Vec v, First part) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << part.count) - 1), (__m512)v);
#else
    std::memcpy(p, &v, sizeof(float) * static_cast<unsigned>(part.count % lanes));
#endif
}

using HalfVec = std::uint16_t __attribute__((vector_size(32)));

CAMBER_VEC Vec widen(HalfVec h) {
#if defined(__AVX512F__)
    return (Vec)((WordVec)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)h) << 16);
#else
    return (Vec)(__builtin_convertvector(h, WordVec) << 16);
#endif
}

/// Rounds to nearest, ties to even; NaN stays NaN.
CAMBER_VEC HalfVec narrow_with_subnormals(Vec v) {
    const WordVec u = (WordVec)v;
    const WordVec rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const WordVec nan = (WordVec)((u & 0x7fffffffu) > 0x7f800000u);
    const WordVec half = (nan & ((u >> 16) | 0x40u)) | (~nan & rounded);
#if defined(__AVX512F__)
    return (HalfVec)_mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)half);
#else
    return __builtin_convertvector(half, HalfVec);
#endif
}
/// The same, but that subnormal numbers may become 0.
CAMBER_VEC HalfVec narrow(Vec v) {
#if defined(__AVX512BF16__)
    return (HalfVec)_mm512_cvtneps_pbh((__m512)v);
#else
    return narrow_with_subnormals(v);
#endif
}

CAMBER_VEC Vec load(const bf16* p, All = {}) {
    HalfVec h;
    std::memcpy(&h, p, sizeof h);
    return widen(h);
}
CAMBER_VEC Vec load(const bf16* p, First part) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    return widen((HalfVec)_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << part.count) - 1), p));
#else
    HalfVec h{};
    std::memcpy(&h, p, sizeof(bf16) * static_cast<unsigned>(part.count % lanes));
    return widen(h);
#endif
}
CAMBER_VEC void store(bf16* p, Vec v, All = {}) {
    const HalfVec h = narrow(v);
    std::memcpy(static_cast<void*>(p), &h, sizeof h);
}
CAMBER_VEC void store(bf16* p, Vec v, First part) {
    const HalfVec h = narrow(v);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << part.count) - 1), (__m256i)h);
#else
    std::memcpy(static_cast<void*>(p), &h, sizeof(bf16) * static_cast<unsigned>(part.count % lanes));
#endif
}

/// Writes past the caches, for large outputs that nobody reads soon: saves reading the line first. p is aligned to the
/// vector.
CAMBER_VEC void stream(float* p, Vec v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(p, (__m512)v);
#else
    store(p, v);
#endif
}
CAMBER_VEC void stream(bf16* p, Vec v) {
#if defined(__AVX512F__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(p), (__m256i)narrow(v));
#else
    store(p, v);
#endif
}

CAMBER_VEC Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
    return a * b + c;
#endif
}
/// base[index] of every lane.
CAMBER_VEC Vec gather(const float* base, IntVec index) {
#if defined(__AVX512F__)
    return (Vec)_mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xffff, (__m512i)index, base, 4);
#else
    Vec v;
    for (int i = 0; i < lanes; ++i) v[i] = base[index[i]];
    return v;
#endif
}
CAMBER_VEC Vec select(IntVec condition, Vec yes, Vec no) { return condition ? yes : no; }
/// v with the lanes that do not exist set to zero.
CAMBER_VEC Vec keep(Vec v, All) { return v; }
CAMBER_VEC Vec keep(Vec v, First part) {
    const IntVec index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return index < part.count ? v : Vec{};
}
CAMBER_VEC Vec max(Vec a, Vec b) { return a > b ? a : b; }
/// v or `floor` where that is larger; NaN stays NaN.
CAMBER_VEC Vec at_least(Vec floor, Vec v) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_max_ps(0xffff, (__m512)floor, (__m512)v);
#else
    return v < floor ? floor : v;
#endif
}
CAMBER_VEC Vec min(Vec a, Vec b) { return a < b ? a : b; }
CAMBER_VEC Vec abs(Vec a) { return (Vec)((WordVec)a & 0x7fffffffu); }
CAMBER_VEC Vec sqrt(Vec a) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_sqrt_ps(0xffff, (__m512)a);  // the unmasked form warns in GCC 12
#else
    for (int i = 0; i < lanes; ++i) a[i] = __builtin_sqrtf(a[i]);
    return a;
#endif
}
/// Nearest integer of values within +-2^22.
CAMBER_VEC Vec round(Vec a) {
    constexpr float magic = 0x1.8p23f;
    Vec shifted = a + magic;
    asm("" : "+m"(shifted));  // keeps -ffast-math style simplification away
    return shifted - magic;
}

CAMBER_VEC float lane_sum(Vec v) {
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) v[i] += v[i + half];
    return v[0];
}

/// e^x to about 2 ulp; 0 below -87.3 (so subnormal results become 0), infinity above 88.7, NaN stays NaN.
/// Cody and Waite's reduction and the polynomial of Cephes's expf.
CAMBER_VEC Vec exp(Vec x) {
    const Vec low = splat(-87.33654f), high = splat(88.72283f);
    const Vec clamped = x < low ? low : x > high ? high : x;
    const Vec n = round(clamped * 1.44269504088896341f);
    const Vec r = fma(n, splat(2.12194440e-4f), fma(n, splat(-0.693359375f), clamped));
    Vec p = splat(1.9875691500e-4f);
    p = fma(p, r, splat(1.3981999507e-3f));
    p = fma(p, r, splat(8.3334519073e-3f));
    p = fma(p, r, splat(4.1665795894e-2f));
    p = fma(p, r, splat(1.6666665459e-1f));
    p = fma(p, r, splat(5.0000001201e-1f));
    p = fma(p, r * r, r + 1.f);
    // 2^n in two factors: n reaches 128, one more than the exponent field holds.
    const IntVec k = __builtin_convertvector(n, IntVec), first = k >> 1, second = k - first;
    p = p * (Vec)((first + 127) << 23) * (Vec)((second + 127) << 23);
    p = x < low ? Vec{} : p;
    p = x > high ? splat(std::numeric_limits<float>::infinity()) : p;
    return x == x ? p : x;
}

/// Natural logarithm of x >= 0 to about 2 ulp (subnormal x counts as 0); log 0 = -infinity. The polynomial of Cephes's
/// logf.
CAMBER_VEC Vec log(Vec x) {
    const IntVec bits = (IntVec)x;
    IntVec e = (bits >> 23) - 126;
    Vec m = (Vec)((bits & 0x007fffff) | 0x3f000000);  // in [0.5, 1)
    const IntVec small = m < 0.707106781186547524f;
    e += small;  // true is -1
    m = m - 1.f + (small ? m : Vec{});
    const Vec z = m * m;
    Vec p = splat(7.0376836292e-2f);
    p = fma(p, m, splat(-1.1514610310e-1f));
    p = fma(p, m, splat(1.1676998740e-1f));
    p = fma(p, m, splat(-1.2420140846e-1f));
    p = fma(p, m, splat(1.4249322787e-1f));
    p = fma(p, m, splat(-1.6668057665e-1f));
    p = fma(p, m, splat(2.0000714765e-1f));
    p = fma(p, m, splat(-2.4999993993e-1f));
    p = fma(p, m, splat(3.3333331174e-1f));
    const Vec n = __builtin_convertvector(e, Vec);
    Vec y = p * m * z;
    y = fma(n, splat(-2.12194440e-4f), y);
    y = fma(z, splat(-0.5f), y);
    y = m + y;
    y = fma(n, splat(0.693359375f), y);
    const Vec infinity = splat(std::numeric_limits<float>::infinity());
    y = x < std::numeric_limits<float>::min() ? -infinity : y;
    return x < infinity ? y : x;  // infinity and NaN as they are
}

}  // namespace camber::cpu
#pragma GCC diagnostic pop
