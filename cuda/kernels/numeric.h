#pragma once
#include <camber/bf16.h>
#include <camber/error.h>
#include <camber/tensor.h>

#include <bit>
#include <cstdint>
#include <type_traits>

#include "cuda/runtime/launch.h"

/// Elements and vectors of them in kernels. Elements are float, bf16, u8 or double; arithmetic is in float.
namespace camber::CAMBER_GPU {

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return static_cast<float>(x); }

template <class T>
__device__ __forceinline__ T from_float(float x) {
    return T(x);
}
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
template <>
__device__ __forceinline__ bf16 from_float<bf16>(float x) {
    bf16 y;  // one instruction, against six for the portable conversion
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}
#endif

/// `a` and `b` as they are when stored as T.
template <class T>
__device__ __forceinline__ void round_pair(float& a, float& b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if constexpr (std::is_same_v<T, bf16>) {
        unsigned both;  // one instruction
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(b), "f"(a));
        a = __uint_as_float(both << 16);
        b = __uint_as_float(both & 0xffff0000u);
        return;
    }
#endif
    a = to_float(from_float<T>(a));
    b = to_float(from_float<T>(b));
}

/// exp(x) as __expf() is, but 0 where that is below 2^-126: two instructions, not five.
__device__ __forceinline__ float fast_exp(float x) {
#if defined(__CUDA_ARCH__)
    constexpr float log2_e = 1.44269504088896341f;
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * log2_e));
    return y;
#else
    return __expf(x);
#endif
}

/// N consecutive elements, aligned to their size: one access of 16 bytes where N = vector_width<T>.
template <class T, int N>
struct alignas(sizeof(T) * N) Vec {
    T v[N];
    __device__ __forceinline__ T& operator[](int i) { return v[i]; }
    __device__ __forceinline__ const T& operator[](int i) const { return v[i]; }
};

/// Element i of a vector: of bf16 pairs in one instruction each, where nvcc takes two for the upper one.
template <class T, int N>
__device__ __forceinline__ float float_at(const Vec<T, N>& v, int i) {
    if constexpr (std::is_same_v<T, bf16> && N % 2 == 0) {
        struct Pairs {
            unsigned bits[N / 2];
        };
        const unsigned pair = std::bit_cast<Pairs>(v).bits[i / 2];
        return __uint_as_float(i % 2 == 0 ? pair << 16 : pair & 0xffff0000u);
    } else {
        return to_float(v[i]);
    }
}

/// Elements in a 16-byte access.
template <class T>
inline constexpr int vector_width = 16 / sizeof(T);

template <int N, class T>
__device__ __forceinline__ Vec<T, N> load(const T* p) {
    if constexpr (sizeof(T) * N == 16) {
        return std::bit_cast<Vec<T, N>>(load_whole(reinterpret_cast<const uint4*>(p)));
    } else if constexpr (sizeof(T) * N == 8) {
        return std::bit_cast<Vec<T, N>>(load_whole(reinterpret_cast<const uint2*>(p)));
    } else if constexpr (sizeof(T) * N == 4 && N > 1) {
        return std::bit_cast<Vec<T, N>>(*reinterpret_cast<const unsigned*>(p));
    } else {
        Vec<T, N> r;
#pragma unroll
        for (int i = 0; i < N; ++i) r[i] = p[i];
        return r;
    }
}

template <int N, class T>
__device__ __forceinline__ void store(T* p, const Vec<T, N>& value) {
    if constexpr (sizeof(T) * N == 16) {
        store_whole(reinterpret_cast<uint4*>(p), std::bit_cast<uint4>(value));
    } else if constexpr (sizeof(T) * N == 8) {
        store_whole(reinterpret_cast<uint2*>(p), std::bit_cast<uint2>(value));
    } else if constexpr (sizeof(T) * N == 4 && N > 1) {
        *reinterpret_cast<unsigned*>(p) = std::bit_cast<unsigned>(value);
    } else {
#pragma unroll
        for (int i = 0; i < N; ++i) p[i] = value[i];
    }
}

/// store() to global memory, always in one access: beside a path for single elements, or in a loop that it unrolls,
/// nvcc takes store()'s 16 bytes apart.
template <int N, class T>
__device__ __forceinline__ void store_global(T* p, const Vec<T, N>& value) {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) * N == 16) {
        const uint4 w = std::bit_cast<uint4>(value);
        asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(p)), "r"(w.x), "r"(w.y),
                     "r"(w.z), "r"(w.w)
                     : "memory");
        return;
    }
#endif
    store<N>(p, value);
}

/// The first element as a device pointer, null where the tensor is undefined.
template <class T>
T* pointer(const Tensor& t) {
    return t.defined() ? t.data<T>() : nullptr;
}

/// Whether vectors of N elements can be read from the tensor's start.
inline bool aligned_to(const void* p, std::size_t bytes) { return reinterpret_cast<std::uintptr_t>(p) % bytes == 0; }
inline bool aligned_to(const Tensor& t, std::size_t bytes) { return !t.defined() || aligned_to(t.raw(), bytes); }

/// Calls f(float{}) or f(bf16{}) by the dtype of activations.
template <class F>
void dispatch(const Tensor& t, F&& f) {
    if (t.dtype() == Dtype::f32) {
        f(float{});
    } else if (t.dtype() == Dtype::bf16) {
        f(bf16{});
    } else {
        fail("the {} device computes in f32 and bf16, not {}", name(this_device), name(t.dtype()));
    }
}

}  // namespace camber::CAMBER_GPU
