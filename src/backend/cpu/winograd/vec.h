#pragma once
#include "backend/cpu/vec.h"

/// What the Winograd code adds to vec.h. Sixteen floats are the unit of channels everywhere in it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors wider than the registers; every function with one is inlined
#endif

namespace camber::cpu::winograd {

using cpu::fma;
CAMBER_VEC Vec fma(float a, Vec b, Vec c) { return fma(splat(a), b, c); }

/// Keeps a loaded value in its register: the compiler would otherwise load it anew for every use, and the transforms
/// are bound by loads and stores.
CAMBER_VEC Vec in_register(Vec v) {
#if defined(__AVX512F__)
    asm("" : "+v"(v));
#endif
    return v;
}

/// Whether stream() writes past the caches. For bf16, half a cache line, there would be nothing to gain.
#if defined(__AVX512F__)
constexpr bool has_stream = true;
CAMBER_VEC void stream_fence() { _mm_sfence(); }
#else
constexpr bool has_stream = false;
CAMBER_VEC void stream_fence() {}
#endif

/// The first `count` (1..15) lanes; the others are zero on load and left alone on store.
template <class T>
CAMBER_VEC Vec load_tail(const T* p, int count) {
    return load(p, First{count});
}
template <class T>
CAMBER_VEC void store_tail(T* p, Vec v, int count) {
    store(p, v, First{count});
}

}  // namespace camber::cpu::winograd
