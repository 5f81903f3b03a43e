#pragma once
#include <omp.h>

#include "winograd.h"
#include "winograd_transform.h"

/// Which tile size a layer takes, and how large its blocks are.
namespace camber::cpu::winograd {

/// U of F(6, 3) is 16/9 times that of F(4, 3). Where it would no longer stay in the last-level cache, reading it costs more than
/// the saved arithmetic (and layers with so many channels have small images, which large tiles fit badly).
inline bool large_tiles(int cin, int cout) {
    static const char* e=getenv("WINO_M"); if(e) return *e=='6';
    return static_cast<long>(cin) * cout <= 256L * 512; }

/// A pointer into scratch, rounded up to a cache line; sizes allow for it.
inline float* align(float* p) {
    return reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(p) + 63) & ~std::uintptr_t{63});
}

/// Floats from one point's matrix to the next: the odd line keeps the points of a tile out of one cache set.
inline std::size_t point_stride(int channels, int rows) {
    return (static_cast<std::size_t>(blocks_of(channels)) * rows + 1) * kLanes;
}

}  // namespace camber::cpu::winograd
