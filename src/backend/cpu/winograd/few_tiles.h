#pragma once
#include <utility>

#include "backend/cpu/winograd/tile.h"

/// Products with the transform of a filter where there are few tiles: a small image. Storing the transform and reading
/// it again would then take longer than the products, so it stays in registers, a row of its six by six points at a
/// time.
namespace camber::cpu::winograd {

/// Of F(4x4), that are worth it.
constexpr int most_few_tiles = 8;

/// c[point][tile] (+)= sum over k of v[point][tile][k] times the transform of the taps of k, sixteen output channels.
template <class T>
struct FewTiles {
    static constexpr int tiles = 4;  ///< at a time
    /// Of k: their taps stay in the first-level cache; a bound of sums, as in gemm.h.
    static constexpr int most_depth = 32;
    const T* taps;  ///< [k][tap][tap_stride]
    int tap_stride;
    const float* v;  ///< k % 16 within a tile's line, k / 16 v_block apart
    std::size_t v_block, point_stride;
    float* c;
    int depth;
    bool accumulate;
    bool prefetch;  ///< ask for the taps of the next k, as many, which follow
};

/// The points of row `row`.
template <int row, class T>
void few_tiles_row(const FewTiles<T>& g) {
    constexpr int P = Tile<4>::P, tiles = FewTiles<T>::tiles;
    Vec acc[P][tiles];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
        for (int i = 0; i < tiles; ++i) acc[p][i] = Vec{};
    const T* taps = g.taps;
    const float* const first = g.v + row * P * g.point_stride;
    for (int k = 0; k < g.depth; ++k, taps += 9 * g.tap_stride) {
        if (g.prefetch) {  // a few lines each row: too many at once would wait for each other
            const auto* next = reinterpret_cast<const char*>(taps + g.depth * 9 * g.tap_stride);
            const std::size_t bytes = 9 * sizeof(T) * g.tap_stride;
            for (std::size_t i = row * 3 * 64; i < std::min<std::size_t>(bytes, (row + 1) * 3 * 64); i += 64)
                __builtin_prefetch(next + i, 0, 2);
        }
        Vec t[3], u[P];
#pragma GCC unroll 3
        for (int s = 0; s < 3; ++s) {
            const Vec column[3] = {load(taps + s * g.tap_stride), load(taps + (3 + s) * g.tap_stride),
                                   load(taps + (6 + s) * g.tap_stride)};
            Vec r[P];
            Tile<4>::filter(column, r);
            t[s] = r[row];
        }
        Tile<4>::filter(t, u);
        const float* v = first + k / lanes * g.v_block + k % lanes;
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p, v += g.point_stride)
#pragma GCC unroll 8
            for (int i = 0; i < tiles; ++i) acc[p][i] = fma(v[i * lanes], u[p], acc[p][i]);
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
        for (int i = 0; i < tiles; ++i) {
            float* const c = g.c + (row * P + p) * g.point_stride + i * lanes;
            store(c, g.accumulate ? acc[p][i] + load(c) : acc[p][i]);
        }
}

template <class T>
void few_tiles_products(const FewTiles<T>& g) {
    [&]<int... row>(std::integer_sequence<int, row...>) { (few_tiles_row<row>(g), ...); }
    (std::make_integer_sequence<int, Tile<4>::P>());
}

}  // namespace camber::cpu::winograd
