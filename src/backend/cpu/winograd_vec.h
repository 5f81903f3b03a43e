#pragma once
#include <cstring>

#include "camber/bf16.h"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/// Sixteen floats at a time, the unit of channels everywhere in the Winograd code. GCC and Clang lower the vector type
/// to AVX-512, AVX2, SSE or NEON; intrinsics are used only where the compiler would not find the instruction itself.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors wider than the registers; every function with one is inlined
#endif

namespace camber::cpu::winograd {

constexpr int kLanes = 16;
using Vec = float __attribute__((vector_size(64)));

#define CAMBER_INLINE inline __attribute__((always_inline))

CAMBER_INLINE Vec splat(float v) { return Vec{v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}; }

CAMBER_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
    return a * b + c;
#endif
}
CAMBER_INLINE Vec fma(float a, Vec b, Vec c) { return fma(splat(a), b, c); }

CAMBER_INLINE Vec load(const float* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
CAMBER_INLINE void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

/// Keeps a loaded value in its register: the compiler would otherwise load it anew for every use, and the transforms
/// are bound by loads and stores.
CAMBER_INLINE Vec in_register(Vec v) {
#if defined(__AVX512F__)
    asm("" : "+v"(v));
#endif
    return v;
}

CAMBER_INLINE Vec load(const bf16* p) {
    using Half = std::uint16_t __attribute__((vector_size(32)));
    using Word = std::uint32_t __attribute__((vector_size(64)));
    Half h;
    std::memcpy(&h, p, sizeof h);
    return (Vec)(__builtin_convertvector(h, Word) << 16);
}

/// Stores a whole cache line past the caches; p is aligned. For bf16, half a line, there would be nothing to gain.
#if defined(__AVX512F__)
constexpr bool kHasStream = true;
CAMBER_INLINE void stream(float* p, Vec v) { _mm512_stream_ps(p, (__m512)v); }
CAMBER_INLINE void stream_fence() { _mm_sfence(); }
#else
constexpr bool kHasStream = false;
CAMBER_INLINE void stream(float* p, Vec v) { store(p, v); }
CAMBER_INLINE void stream_fence() {}
#endif

/// Rounds to nearest, ties to even, as the bf16 constructor does.
CAMBER_INLINE void store(bf16* p, Vec v) {
#if defined(__AVX512BF16__)
    const __m256bh h = _mm512_cvtneps_pbh((__m512)v);
    std::memcpy(static_cast<void*>(p), &h, sizeof h);
#else
    for (int i = 0; i < kLanes; ++i) p[i] = bf16(v[i]);
#endif
}

/// The first `count` (1..15) lanes; the others are zero on load and left alone on store.
template <class T>
CAMBER_INLINE Vec load_tail(const T* p, int count) {
    T buffer[kLanes] = {};
    std::memcpy(static_cast<void*>(buffer), p, sizeof(T) * static_cast<unsigned>(count));
    return load(buffer);
}
template <class T>
CAMBER_INLINE void store_tail(T* p, Vec v, int count) {
    T buffer[kLanes];
    store(buffer, v);
    std::memcpy(static_cast<void*>(p), buffer, sizeof(T) * static_cast<unsigned>(count));
}
#if defined(__AVX512F__)
template <>
CAMBER_INLINE Vec load_tail(const float* p, int count) {
    return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
}
template <>
CAMBER_INLINE void store_tail(float* p, Vec v, int count) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), (__m512)v);
}
#endif

}  // namespace camber::cpu::winograd
