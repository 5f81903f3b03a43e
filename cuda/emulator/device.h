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

// --- arithmetic intrinsics
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}
template <class T>
T __ldg(const T* p) {
    return *p;
}
using std::max;
using std::min;
