#include <cstdint>
#include <cstdlib>

#include "winograd_gemm.h"
#include "winograd_plan.h"

/// y = A^T [ sum over cin of (G w G^T) * (B^T x B) ] A, tile by tile: the sum over channels is a matrix product for each of the
/// P x P points, [tiles x cin] times [cin x cout].
///
/// Tiles are taken in chunks, and a chunk goes through the three steps while it is in cache. Where there are chunks enough, each
/// thread takes whole chunks, and U stays in the shared cache; where there are few (deep layers: small images, many channels), all
/// threads work on one chunk together, each on its own points, so that U, larger than any cache, is read once a chunk.
namespace camber::cpu {
namespace winograd {
namespace {

struct ForwardPlan {
    bool together;  // all threads on one chunk
    int tiles;      // of a chunk
    std::size_t v_stride, m_stride, floats;  // floats: V and M of a chunk
};

template <int M>
ForwardPlan forward_plan(const WinogradShape& s) {
    static const int eT = getenv("WINO_T") ? atoi(getenv("WINO_T")) : 0;
    static const int eS = getenv("WINO_S") ? atoi(getenv("WINO_S")) : 0;
    const int count = TileGrid(M, s.n, s.ho, s.wo).count, threads = omp_get_max_threads();
    ForwardPlan p;
    p.tiles = eT ? eT : 48;
    p.together = (static_cast<long>(s.cin) * s.cout * Tile<M>::Q * 4 > (20L << 20)) ||
                 (threads > 1 && count < p.tiles * threads * 2);
    if (eS) p.together = eS == 2;
    if (p.together) p.tiles = eT ? eT : 128;
    p.tiles = std::min(p.tiles, count);
    p.v_stride = point_stride(s.cin, p.tiles);
    p.m_stride = point_stride(s.cout, p.tiles);
    p.floats = Tile<M>::Q * (p.v_stride + p.m_stride);
    return p;
}

#ifndef WINO_K
#define WINO_K 128
#endif
constexpr int kDepth = WINO_K;  // cin at a time: sixteen columns pairs of U, 16 KiB, stay in the first-level cache

template <int M, class T>
struct Forward {
    static constexpr int P = M + 2, Q = P * P;
    const WinogradShape& s;
    const ForwardPlan& plan;
    const T* x;
    const float* u;
    const float* bias;
    T* y;
    TileGrid grid{M, s.n, s.ho, s.wo};
    std::size_t u_stride = static_cast<std::size_t>(s.cin) * kLanes * blocks_of(s.cout);

    /// Rows of V: tile number `tile` of the grid is row `row`.
    void input(int tile, int row, float* v) const {
        const TilePosition at(grid, tile);
        const T* image = x + static_cast<std::size_t>(at.image) * s.h * s.w * s.cin;
        const Window<P, const T> d(image, s.h, s.w, s.cin, at.row * M - s.pad_top, at.column * M - s.pad_left);
        v += static_cast<std::size_t>(row) * kLanes;
        const std::size_t step = static_cast<std::size_t>(plan.tiles) * kLanes;
        int c = 0;
        if (d.inside())
            for (; c + kLanes <= s.cin; c += kLanes, v += step) input_block<M, true>(d, c, v, plan.v_stride);
        for (; c < s.cin; c += kLanes, v += step) input_block<M, false>(d, c, v, plan.v_stride);
    }

    /// M[point] = V[point] U[point], `rows` tiles, blocks [begin, end) of sixteen output channels.
    void multiply(int point, int rows, int begin, int end, const float* v, float* m) const {
        const std::size_t block = static_cast<std::size_t>(plan.tiles) * kLanes;
        v += point * plan.v_stride;
        m += point * plan.m_stride;
        const float* up = u + point * u_stride;
        const int parts = (rows + kMaxRows - 1) / kMaxRows;  // nearly equal parts
        for (int k = 0; k < s.cin; k += kDepth) {
            for (int b = begin; b < end; b += kMaxColumns) {
                const int columns = std::min(kMaxColumns, end - b);
                Product g{v + static_cast<std::size_t>(k / kLanes) * block,
                          block,
                          up + (static_cast<std::size_t>(b) * s.cin + k) * kLanes,
                          static_cast<std::size_t>(s.cin) * kLanes,
                          m + b * block,
                          block,
                          std::min(kDepth, s.cin - k),
                          k > 0};
                for (int i = 0, row = 0; i < parts; ++i) {
                    const int next = rows * (i + 1) / parts;
                    product_kernel_for(next - row, columns, false)(g);
                    g.a += (next - row) * kLanes;
                    g.c += (next - row) * kLanes;
                    row = next;
                }
            }
        }
    }

    /// Row `row` of M to tile number `tile` of y, blocks [begin, end).
    void output(int tile, int row, const float* m) const {
        const TilePosition at(grid, tile);
        T* image = y + static_cast<std::size_t>(at.image) * s.ho * s.wo * s.cout;
        const Window<M, T> out(image, s.ho, s.wo, s.cout, at.row * M, at.column * M);
        m += static_cast<std::size_t>(row) * kLanes;
        const std::size_t step = static_cast<std::size_t>(plan.tiles) * kLanes;
        int c = 0;
        if (out.inside())
            for (; c + kLanes <= s.cout; c += kLanes, m += step)
                output_block<M, true>(m, plan.m_stride, bias ? load(bias + c) : Vec{}, c, out);
        for (; c < s.cout; c += kLanes, m += step) {
            const int count = s.cout - c;
            const Vec b = !bias ? Vec{} : count >= kLanes ? load(bias + c) : load_tail(bias + c, count);
            output_block<M, false>(m, plan.m_stride, b, c, out);
        }
    }

    void apart(float* scratch) const {
        const int chunks = (grid.count + plan.tiles - 1) / plan.tiles;
#pragma omp parallel
        {
            float* v = scratch + omp_get_thread_num() * plan.floats;
            float* m = v + Q * plan.v_stride;
#pragma omp for schedule(dynamic)
            for (int chunk = 0; chunk < chunks; ++chunk) {
                const int first = chunk * plan.tiles, rows = std::min(plan.tiles, grid.count - first);
                for (int i = 0; i < rows; ++i) input(first + i, i, v);
                for (int p = 0; p < Q; ++p) multiply(p, rows, 0, blocks_of(s.cout), v, m);
                for (int i = 0; i < rows; ++i) output(first + i, i, m);
            }
        }
    }

    void together(float* scratch) const {
        float* v = scratch;
        float* m = v + Q * plan.v_stride;
        const int blocks = blocks_of(s.cout);
        const int parts = std::min((blocks + 3) / 4, 1 + omp_get_max_threads() / 4);  // of a point's columns
#pragma omp parallel
        for (int first = 0; first < grid.count; first += plan.tiles) {
            const int rows = std::min(plan.tiles, grid.count - first);
#pragma omp for schedule(dynamic)
            for (int i = 0; i < rows; ++i) input(first + i, i, v);
#pragma omp for schedule(dynamic)
            for (int task = 0; task < Q * parts; ++task) {
                const int part = task % parts;
                multiply(task / parts, rows, blocks * part / parts, blocks * (part + 1) / parts, v, m);
            }
#pragma omp for schedule(dynamic)
            for (int i = 0; i < rows; ++i) output(first + i, i, m);
        }
    }
};

template <int M, class T>
void forward(const WinogradShape& s, const T* x, const float* u, const float* bias, T* y, float* scratch) {
    const ForwardPlan plan = forward_plan<M>(s);
    const Forward<M, T> f{s, plan, x, u, bias, y};
    if (plan.together)
        f.together(align(scratch));
    else
        f.apart(align(scratch));
}

}  // namespace
}  // namespace winograd

std::size_t winograd_forward_scratch_floats(const WinogradShape& s) {
    const bool large = winograd::large_tiles(s.cin, s.cout);
    const auto plan = large ? winograd::forward_plan<6>(s) : winograd::forward_plan<4>(s);
    return plan.floats * static_cast<std::size_t>(plan.together ? 1 : omp_get_max_threads()) + winograd::kLanes;
}

template <class T>
void winograd_forward(const WinogradShape& s, const T* x, const float* u, const float* bias, T* y, float* scratch) {
    if (winograd::large_tiles(s.cin, s.cout))
        winograd::forward<6>(s, x, u, bias, y, scratch);
    else
        winograd::forward<4>(s, x, u, bias, y, scratch);
}

template void winograd_forward(const WinogradShape&, const float*, const float*, const float*, float*, float*);
template void winograd_forward(const WinogradShape&, const bf16*, const float*, const float*, bf16*, float*);

}  // namespace camber::cpu
