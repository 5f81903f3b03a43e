#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backend/cpu/winograd/tile.h"

/// The two-dimensional transforms between NHWC images and tiles. Transformed tiles are matrices, one for each of the Q
/// points, [channel / 16][point][row][16] (gemm.h says why), a tile a row.
namespace camber::cpu::winograd {

constexpr int blocks_of(int channels) { return (channels + lanes - 1) / lanes; }

/// Matrices [block][point][row][16] for `rows` tiles. From point to point the odd number of lines keeps the points of
/// one tile out of each other's cache sets; blocks outermost keep them within few pages.
struct TileMatrix {
    std::size_t point_stride = 0, block_stride = 0;  ///< in floats
    TileMatrix() = default;
    TileMatrix(int points, int rows)
        : point_stride(static_cast<std::size_t>(rows | 1) * lanes), block_stride(point_stride * points) {}
    std::size_t floats(int channels) const { return block_stride * blocks_of(channels); }
    std::size_t at(int block, int point, int row) const {
        return block * block_stride + point * point_stride + static_cast<std::size_t>(row) * lanes;
    }
};

/// Tiles of M x M pixels over images of ho x wo, in row-major order, image after image. With a dilation d, pixels d
/// apart form images of their own, d * d of each, that know nothing of each other.
struct TileGrid {
    int rows, columns, count, dilation;
    TileGrid(int m, int n, int ho, int wo, int d = 1)
        : rows(((ho + d - 1) / d + m - 1) / m),
          columns(((wo + d - 1) / d + m - 1) / m),
          count(n * d * d * rows * columns),
          dilation(d) {}
};

struct TilePosition {
    int image, row, column;
    int top, left;  ///< the first pixel of the image that the tile is of, below the dilation
    TilePosition(const TileGrid& g, int tile) {
        const int part = tile / (g.rows * g.columns), d = g.dilation;
        image = part / (d * d), top = part / d % d, left = part % d;
        row = tile / g.columns % g.rows, column = tile % g.columns;
    }
};

/// Sixteen channels of R x R pixels.
template <class T>
struct Pixels {
    T* corner;
    std::ptrdiff_t row_stride, column_stride;
    std::ptrdiff_t ahead;  ///< from a pixel to one needed soon
    T* at(int i, int j) const { return corner + i * row_stride + j * column_stride; }

    /// Asks for what will soon be needed, which may lie outside the image. Into the second-level cache: rows of an
    /// image of 2^n columns all fall into one set of the first.
    template <bool write>
    CAMBER_VEC void prefetch(int i, int j) const {
        const auto p = reinterpret_cast<std::uintptr_t>(corner) +
                       sizeof(T) * static_cast<std::uintptr_t>(i * row_stride + j * column_stride + ahead);
        __builtin_prefetch(reinterpret_cast<const void*>(p), write, 2);
    }
};

/// v[point] = B^T d B. repeated: d has each pixel twice in a row and a column, but for the first and last, which lie in
/// other pairs; `pixels` has it once.
template <int M, bool repeated, class T>
CAMBER_VEC void input_transform(const Pixels<const T>& pixels, float* v, std::size_t point_stride) {
    constexpr int P = M + 2, R = repeated ? M / 2 + 2 : P;
    const auto spread = [](const Vec* from, Vec* to) __attribute__((always_inline)) {
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) to[i] = from[repeated ? (i + 1) / 2 : i];
    };
    Vec t[P][R];
    for (int j = 0; j < R; ++j) {
        Vec column[R], d[P], r[P];
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            column[i] = in_register(load(pixels.at(i, j)));
            pixels.template prefetch<false>(i, j);
        }
        spread(column, d);
        Tile<M>::input(d, r);
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < P; ++i) {
        Vec row[R], d[P], r[P];
#pragma GCC unroll 8
        for (int j = 0; j < R; ++j) row[j] = in_register(t[i][j]);
        spread(row, d);
        Tile<M>::input(d, r);
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j, v += point_stride) store(v, r[j]);
    }
}

/// u[point] = G g G^T, of sixteen columns. g[r][s]: the tap, a Vec over them.
template <int M>
CAMBER_VEC void filter_block(const Vec (*g)[3], float* u, std::size_t point_stride, bool streamed) {
    constexpr int P = M + 2;
    Vec t[P][3];
    for (int j = 0; j < 3; ++j) {
        const Vec column[3] = {g[0][j], g[1][j], g[2][j]};
        Vec r[P];
        Tile<M>::filter(column, r);
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < P; ++i) {
        Vec r[P];
        Tile<M>::filter(t[i], r);
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j, u += point_stride) {
            if (streamed)
                stream(u, r[j]);
            else
                store(u, r[j]);
        }
    }
}

/// z[point] = A y A^T, the adjoint of output_transform; returns the sum of y, for the bias gradient.
template <int M, class T>
CAMBER_VEC Vec output_adjoint_transform(const Pixels<const T>& y, float* z, std::size_t point_stride) {
    constexpr int P = M + 2;
    Vec t[P][M], total{};
    for (int j = 0; j < M; ++j) {
        Vec column[M], r[P];
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i) {
            column[i] = in_register(load(y.at(i, j)));
            y.template prefetch<false>(i, j);
            total += column[i];
        }
        Tile<M>::output_adjoint(column, r);
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < P; ++i) {
        Vec row[M], r[P];
#pragma GCC unroll 8
        for (int j = 0; j < M; ++j) row[j] = in_register(t[i][j]);
        Tile<M>::output_adjoint(row, r);
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j, z += point_stride) store(z, r[j]);
    }
    return total;
}

/// y = A^T m A, given to done(i, y's row i of M) row after row.
template <int M, class Done>
CAMBER_VEC void output_transform(const float* m, std::size_t point_stride, Done&& done) {
    constexpr int P = M + 2;
    Vec t[M][P];
    for (int j = 0; j < P; ++j) {
        Vec column[P], r[M];
#pragma GCC unroll 8
        for (int i = 0; i < P; ++i) {
            const float* from = m + static_cast<std::size_t>(i * P + j) * point_stride;
            column[i] = in_register(load(from));
            __builtin_prefetch(from + lanes);
        }
        Tile<M>::output(column, r);
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i) t[i][j] = r[i];
    }
    for (int i = 0; i < M; ++i) {
        Vec row[P], r[M];
#pragma GCC unroll 8
        for (int j = 0; j < P; ++j) row[j] = in_register(t[i][j]);
        Tile<M>::output(row, r);
        done(i, r);
    }
}

/// An image [h, w, channels] and how far its pixels are apart, in elements.
template <class T>
struct Plane {
    T* pixels;
    int h, w, channels;
    std::ptrdiff_t row_stride, column_stride;

    /// Of [n, h, w, ...] whose pixels are `pitch` apart, what the tile at `at` is of: all of an image, or pixels
    /// `dilation` apart.
    Plane(T* first, int h, int w, int channels, int pitch, const TilePosition& at, int dilation = 1)
        : pixels(first + ((static_cast<std::ptrdiff_t>(at.image) * h + at.top) * w + at.left) * pitch),
          h((h - at.top + dilation - 1) / dilation),
          w((w - at.left + dilation - 1) / dilation),
          channels(channels),
          row_stride(static_cast<std::ptrdiff_t>(w) * pitch * dilation),
          column_stride(static_cast<std::ptrdiff_t>(pitch) * dilation) {}
};

/// An R x R window on an image. Its corner may lie outside, where the image reads as zero; such windows, and channels
/// that do not fill a Vec, go through a buffer.
template <int R, class T>
struct Window {
    Plane<T> image;
    int row, column;                                   ///< the corner
    int row_begin, row_end, column_begin, column_end;  ///< the part of the window inside the image

    Window(const Plane<T>& image, int row, int column)
        : image(image),
          row(row),
          column(column),
          row_begin(std::max(0, -row)),
          row_end(std::min(R, image.h - row)),
          column_begin(std::max(0, -column)),
          column_end(std::min(R, image.w - column)) {}

    bool inside() const { return row_begin == 0 && column_begin == 0 && row_end == R && column_end == R; }
    T* at(int i, int j, int c) const {
        return image.pixels + (row + i) * image.row_stride + (column + j) * image.column_stride + c;
    }
    /// Only of a window that is inside. The next tile, M pixels on, will be needed soon.
    template <int M>
    Pixels<T> pixels(int c) const {
        return {at(0, 0, c), image.row_stride, image.column_stride, M * image.column_stride};
    }

    /// The part inside and its channels c .. c + 15 to a buffer, which is zero elsewhere.
    void copy_in(int c, float (*buffer)[R][lanes]) const {
        const int count = image.channels - c;
        for (int i = row_begin; i < row_end; ++i)
            for (int j = column_begin; j < column_end; ++j)
                store(buffer[i][j], count >= lanes ? load(at(i, j, c)) : load_tail(at(i, j, c), count));
    }
};

/// Calls f(pixels, block) for sixteen channels at a time of [begin, end), block counting from 0.
template <int M, int R, class T, class F>
CAMBER_VEC void for_each_block(const Window<R, const T>& window, int begin, int end, F&& f) {
    int c = begin;
    if (window.inside())
        for (; c + lanes <= std::min(end, window.image.channels); c += lanes)
            f(window.template pixels<M>(c), (c - begin) / lanes);
    if (c >= end) return;
    alignas(64) float buffer[R][R][lanes] = {};
    for (; c < end; c += lanes) {
        window.copy_in(c, buffer);
        f(Pixels<const float>{buffer[0][0], R * lanes, lanes, 0}, (c - begin) / lanes);
    }
}

}  // namespace camber::cpu::winograd
