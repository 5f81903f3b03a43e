#pragma once
#include <algorithm>
#include <cstddef>

#include "winograd_tile.h"

/// The two-dimensional transforms between NHWC images and tiles. Transformed tiles are matrices, one for each of the Q
/// points, [point][channel / 16][tile][16] (winograd_gemm.h says why), `point_stride` floats apart.
namespace camber::cpu::winograd {

constexpr int blocks_of(int channels) { return (channels + kLanes - 1) / kLanes; }

/// Tiles of M x M pixels over images of ho x wo, in row-major order, image after image.
struct TileGrid {
    int rows, columns, count;
    TileGrid(int m, int n, int ho, int wo)
        : rows((ho + m - 1) / m), columns((wo + m - 1) / m), count(n * rows * columns) {}
};

struct TilePosition {
    int image, row, column;
    TilePosition(const TileGrid& g, int tile)
        : image(tile / (g.rows * g.columns)), row(tile / g.columns % g.rows), column(tile % g.columns) {}
};

/// An R x R window on an image [h, w, channels]; its corner may lie outside, where the image reads as zero.
template <int R, class T>
struct Window {
    T* corner;
    std::ptrdiff_t row_stride, column_stride;
    int row_begin, row_end, column_begin, column_end;  // the part inside the image
    int channels;

    Window(T* image, int h, int w, int c, int row, int column)
        : corner(image + (static_cast<std::ptrdiff_t>(row) * w + column) * c),
          row_stride(static_cast<std::ptrdiff_t>(w) * c),
          column_stride(c),
          row_begin(std::max(0, -row)),
          row_end(std::min(R, h - row)),
          column_begin(std::max(0, -column)),
          column_end(std::min(R, w - column)),
          channels(c) {}

    bool inside() const { return row_begin == 0 && column_begin == 0 && row_end == R && column_end == R; }
    bool holds(int i, int j) const { return i >= row_begin && i < row_end && j >= column_begin && j < column_end; }
    T* at(int i, int j) const { return corner + i * row_stride + j * column_stride; }

    /// Column j, channels c .. c + 15. kFast: the whole window is inside and there are sixteen channels.
    template <bool kFast>
    CAMBER_INLINE void load_column(int j, int c, Vec* d) const {
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            if constexpr (kFast) {
                d[i] = load(at(i, j) + c);
            } else {
                const int count = channels - c;
                d[i] = !holds(i, j) ? Vec{} : count >= kLanes ? load(at(i, j) + c) : load_tail(at(i, j) + c, count);
            }
        }
    }

    /// Row i, channels c .. c + 15.
    template <bool kFast>
    CAMBER_INLINE void store_row(int i, int c, const Vec* d) const {
#pragma GCC unroll 8
        for (int j = 0; j < R; ++j) {
            if constexpr (kFast) {
                store(at(i, j) + c, d[j]);
            } else {
                const int count = channels - c;
                if (!holds(i, j)) continue;
                if (count >= kLanes)
                    store(at(i, j) + c, d[j]);
                else
                    store_tail(at(i, j) + c, d[j], count);
            }
        }
    }
};

/// v[point] = B^T d B for one tile and channels c .. c + 15.
template <int M, bool kFast, class T>
CAMBER_INLINE void input_block(const Window<M + 2, const T>& d, int c, float* v, std::size_t point_stride) {
    constexpr int P = M + 2;
    Vec t[P][P];
    for (int j = 0; j < P; ++j) {
        Vec column[P], r[P];
        d.template load_column<kFast>(j, c, column);
        Tile<M>::input(column, r);
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < P; ++i) {
        Vec r[P];
        Tile<M>::input(t[i], r);
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j, v += point_stride) store(v, r[j]);
    }
}

/// z[point] = A y A^T, the adjoint of output_block; returns the sum of y, for the bias gradient.
template <int M, bool kFast, class T>
CAMBER_INLINE Vec output_adjoint_block(const Window<M, const T>& y, int c, float* z, std::size_t point_stride) {
    constexpr int P = M + 2;
    Vec t[P][M], total{};
    for (int j = 0; j < M; ++j) {
        Vec column[M], r[P];
        y.template load_column<kFast>(j, c, column);
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i) total += column[i];
        Tile<M>::output_adjoint(column, r);
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < P; ++i) {
        Vec r[P];
        Tile<M>::output_adjoint(t[i], r);
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j, z += point_stride) store(z, r[j]);
    }
    return total;
}

/// y = A^T m A + bias for one tile and channels c .. c + 15.
template <int M, bool kFast, class T>
CAMBER_INLINE void output_block(const float* m, std::size_t point_stride, Vec bias, int c, const Window<M, T>& y) {
    constexpr int P = M + 2;
    Vec t[M][P];
    for (int j = 0; j < P; ++j) {
        Vec column[P], r[M];
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) column[i] = load(m + static_cast<std::size_t>(i * P + j) * point_stride);
        Tile<M>::output(column, r);
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < M; ++i) {
        Vec r[M];
        Tile<M>::output(t[i], r);
#pragma GCC unroll 8
        for (int j = 0; j < M; ++j) r[j] += bias;
        y.template store_row<kFast>(i, c, r);
    }
}

}  // namespace camber::cpu::winograd
