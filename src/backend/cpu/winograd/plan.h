#pragma once
#include <omp.h>

#include <cstdint>

#include "backend/cpu/winograd/transform.h"
#include "backend/cpu/winograd/winograd.h"

/// Which tile size a layer takes, and how large its blocks are.
namespace camber::cpu::winograd {

/// F(6, 3) needs 64 / 36 = 1.78 products for a pixel, F(4, 3) 36 / 16 = 2.25, but its U is 16/9 times as large: where
/// that would no longer stay in the last-level cache, reading it costs more than is saved (and layers with so many
/// channels have small images, which large tiles fit badly). Below 32 channels the transforms take most of the time,
/// and sums so short show their rounding most.
inline bool large_tiles(int cin, int cout) {
    return std::min(cin, cout) >= 32 && static_cast<long>(cin) * cout <= 256L * 512;
}

/// Tiles of a chunk, at most `limit`, such that all chunks are about the same size.
inline int chunk_tiles(int count, int limit) {
    const int chunks = (count + limit - 1) / limit;
    return (count + chunks - 1) / chunks;
}

/// Results larger than this would not be found in a cache later, and are written past the caches.
constexpr std::size_t stream_bytes = 16 << 20;
inline bool should_stream(const void* p, std::size_t bytes) {
    return has_stream && bytes > stream_bytes && reinterpret_cast<std::uintptr_t>(p) % 64 == 0;
}

/// A pointer into scratch, rounded up to a cache line; sizes allow for it.
inline float* align(float* p) {
    return reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(p) + 63) & ~std::uintptr_t{63});
}

}  // namespace camber::cpu::winograd
