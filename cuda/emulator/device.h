#pragma once
/// The part of CUDA's device language that Camber's kernels use, for a C++ compiler. Included through
/// cuda/runtime/gpu.h in sources compiled with CAMBER_EMULATED; see docs/emulator.md.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <tuple>
#include <utility>

#include "cuda/emulator/collectives.h"
#include "cuda/emulator/launch.h"
#include "cuda/emulator/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

#define threadIdx (::camber::emulator::self().thread_idx)
#define blockIdx (::camber::emulator::self().block_idx)
#define blockDim (::camber::emulator::self().block_dim)
#define gridDim (::camber::emulator::self().grid_dim)
inline constexpr int warpSize = 32;

/// See cuda/runtime/gpu.h.
#define SHARED_MEMORY(name, ...)                                                                               \
    static const char name##_shared_id = 0;                                                                    \
    auto& name = *static_cast<std::type_identity_t<__VA_ARGS__>*>(                                             \
        ::camber::emulator::shared_memory(&name##_shared_id, #name, sizeof(std::type_identity_t<__VA_ARGS__>), \
                                          alignof(std::type_identity_t<__VA_ARGS__>)))

template <class T>
T* dynamic_shared() {
    return static_cast<T*>(::camber::emulator::dynamic_shared_memory());
}

/// See cuda/runtime/gpu.h. In one access as there: the compiler would take a struct's members apart, were its bytes not
/// said to change on the way.
template <class Vector>
__forceinline__ Vector load_whole(const Vector* p) {
    auto bits = *reinterpret_cast<const camber::emulator::Bits<sizeof(Vector)>*>(p);
    asm("" : "+r"(bits));
    return std::bit_cast<Vector>(bits);
}
template <class Vector>
__forceinline__ void store_whole(Vector* p, const Vector& value) {
    auto bits = std::bit_cast<camber::emulator::Bits<sizeof(Vector)>>(value);
    asm("" : "+r"(bits));
    *reinterpret_cast<camber::emulator::Bits<sizeof(Vector)>*>(p) = bits;
}

// --- arithmetic intrinsics
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}
using std::max;
using std::min;
