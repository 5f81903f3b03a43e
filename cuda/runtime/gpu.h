#pragma once
/// The device language a .cu file is written in: CUDA itself, or the host's emulation of it. Every source under
/// cuda/kernels and cuda/runtime is compiled once for each into a namespace of its own, CAMBER_GPU, and names nothing
/// that differs between the two but through this header.
#include <camber/device.h>

#include <type_traits>

#if defined(CAMBER_EMULATED)

#include "cuda/emulator/device.h"
#define CAMBER_GPU emulated
namespace camber::emulated {
inline constexpr Device this_device = Device::emulated;
}

#else

#include <cuda_runtime.h>
#define CAMBER_GPU cuda
namespace camber::cuda {
inline constexpr Device this_device = Device::cuda;
}

/// Declares an array (or struct) in shared memory: SHARED_MEMORY(tile, float[32][33]). A macro rather than __shared__
/// so that the emulator can place it where it watches every access.
#define SHARED_MEMORY(name, ...) __shared__ std::type_identity_t<__VA_ARGS__> name

/// A vector type's 8 or 16 bytes in one access.
template <class Vector>
__device__ __forceinline__ Vector load_whole(const Vector* p) {
    return *p;
}
template <class Vector>
__device__ __forceinline__ void store_whole(Vector* p, const Vector& value) {
    *p = value;
}

/// The launch's dynamic shared memory, 16-byte aligned.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
    extern __shared__ __align__(16) unsigned char camber_dynamic_shared[];
    return reinterpret_cast<T*>(camber_dynamic_shared);
}

#endif
