#include <cstdint>
#include <cstdlib>

#include "winograd_gemm.h"
#include "winograd_plan.h"

/// dw = G^T [ sum over tiles of (B^T x B) * (A dy A^T) ] G, the adjoint of the forward pass with respect to w: the sum over tiles
/// is a matrix product for each of the P x P points, [cout x tiles] times [tiles x cin].
///
/// The sums of all points, C, stay in the shared cache while the tiles stream by in chunks: all threads transform a chunk,
/// then each adds it to the points it takes. Layers whose C would be too large are done in blocks of channels. A sum is
/// always taken in the order of the tiles, whoever does it, so that results do not depend on the number of threads.
namespace camber::cpu {
namespace winograd {
namespace {

struct FilterGradPlan {
    int m;          // tile size
    int tiles;      // of a chunk
    int cin, cout;  // of a block of C, multiples of sixteen
    std::size_t v_stride, z_stride, c_stride, floats;
};

FilterGradPlan filter_grad_plan(const WinogradShape& s) {
    static const int eT = getenv("WINO_GT") ? atoi(getenv("WINO_GT")) : 0;
    static const int eB = getenv("WINO_GB") ? atoi(getenv("WINO_GB")) : 0;
    static const int eM = getenv("WINO_GM") ? atoi(getenv("WINO_GM")) : 0;
    const auto work = [&](auto tile) { return tile.Q * TileGrid(tile.P - 2, s.n, s.ho, s.wo).count; };
    FilterGradPlan p;
    p.m = work(Tile<6>{}) < work(Tile<4>{}) ? 6 : 4;
    if (eM) p.m = eM;
    const int points = (p.m + 2) * (p.m + 2);
    const int limit = eB ? eB : 256;
    p.tiles = std::min(eT ? eT : 64, TileGrid(p.m, s.n, s.ho, s.wo).count);
    p.cin = std::min(blocks_of(s.cin) * kLanes, limit);
    p.cout = std::min(blocks_of(s.cout) * kLanes, limit);
    p.v_stride = point_stride(p.cin, p.tiles);
    p.z_stride = point_stride(p.cout, p.tiles);
    p.c_stride = point_stride(p.cin, p.cout);
    const std::size_t bias = static_cast<std::size_t>(p.tiles + 1) * p.cout;
    p.floats = points * (p.v_stride + p.z_stride + p.c_stride) + bias + kLanes;
    return p;
}

template <int M, class T>
struct FilterGrad {
    static constexpr int P = M + 2, Q = P * P;
    const WinogradShape& s;
    const FilterGradPlan& plan;
    const T* x;
    const T* dy;
    float* dw;
    float* dbias;
    float* v;     // [point][cin / 16][tile][16], channels in0 ..
    float* z;     // [point][cout / 16][tile][16], channels out0 ..
    float* c;     // [point][cin / 16][cout][16]
    float* sums;  // [tile][cout] of dy, then their total [cout]
    TileGrid grid{M, s.n, s.ho, s.wo};

    struct Block {
        int in, in_end, out, out_end;  // channels
    };

    void transform(const Block& b, int tile, int row) const {
        const TilePosition at(grid, tile);
        const std::size_t step = static_cast<std::size_t>(plan.tiles) * kLanes;
        const Window<P, const T> d(x + static_cast<std::size_t>(at.image) * s.h * s.w * s.cin, s.h, s.w, s.cin,
                                   at.row * M - s.pad_top, at.column * M - s.pad_left);
        float* to = v + static_cast<std::size_t>(row) * kLanes;
        for (int i = b.in; i < b.in_end; i += kLanes, to += step) {
            if (d.inside() && i + kLanes <= s.cin)
                input_block<M, true>(d, i, to, plan.v_stride);
            else
                input_block<M, false>(d, i, to, plan.v_stride);
        }
        const Window<M, const T> e(dy + static_cast<std::size_t>(at.image) * s.ho * s.wo * s.cout, s.ho, s.wo, s.cout,
                                   at.row * M, at.column * M);
        to = z + static_cast<std::size_t>(row) * kLanes;
        float* sum = sums + static_cast<std::size_t>(row) * plan.cout;
        for (int o = b.out; o < b.out_end; o += kLanes, to += step, sum += kLanes) {
            if (e.inside() && o + kLanes <= s.cout)
                store(sum, output_adjoint_block<M, true>(e, o, to, plan.z_stride));
            else
                store(sum, output_adjoint_block<M, false>(e, o, to, plan.z_stride));
        }
    }

    /// C[point] (+)= Z[point]^T V[point] over `rows` tiles, for blocks [begin, end) of sixteen cout.
    void multiply(const Block& b, int point, int rows, int begin, int end, bool accumulate) const {
        const std::size_t block = static_cast<std::size_t>(plan.tiles) * kLanes;
        const std::size_t c_block = static_cast<std::size_t>(plan.cout) * kLanes;
        const int in_blocks = blocks_of(b.in_end - b.in);
        constexpr int parts = (kLanes + kMaxRows - 1) / kMaxRows;
        for (int i = 0; i < in_blocks; i += kMaxColumns) {
            const int columns = std::min(kMaxColumns, in_blocks - i);
            for (int o = begin; o < end; ++o) {
                for (int part = 0; part < parts; ++part) {
                    const int m = kLanes * part / parts, next = kLanes * (part + 1) / parts;
                    const Product g{z + point * plan.z_stride + o * block + m,
                                    0,
                                    v + point * plan.v_stride + i * block,
                                    block,
                                    c + point * plan.c_stride + i * c_block + static_cast<std::size_t>(o * kLanes + m) * kLanes,
                                    c_block,
                                    rows,
                                    accumulate};
                    product_kernel_for(next - m, columns, true)(g);
                }
            }
        }
    }

    void add_sums(const Block& b, int rows, bool accumulate) const {
        float* total = sums + static_cast<std::size_t>(plan.tiles) * plan.cout;
        for (int o = 0; o < b.out_end - b.out; o += kLanes) {
            Vec t = accumulate ? load(total + o) : Vec{};
            for (int row = 0; row < rows; ++row) t += load(sums + static_cast<std::size_t>(row) * plan.cout + o);
            store(total + o, t);
        }
    }

    /// dw[o, :, :, all cin of the block] = G^T C G.
    void output(const Block& b, int o) const {
        for (int i = b.in; i < b.in_end; i += kLanes) {
            const float* from = c + (static_cast<std::size_t>((i - b.in) / kLanes) * plan.cout + (o - b.out)) * kLanes;
            Vec t[3][P];
            for (int j = 0; j < P; ++j) {
                Vec column[P], r[3];
#pragma GCC unroll 8
                for (int k = 0; k < P; ++k) column[k] = load(from + static_cast<std::size_t>(k * P + j) * plan.c_stride);
                Tile<M>::filter_adjoint(column, r);
#pragma GCC unroll 3
                for (int k = 0; k < 3; ++k) t[k][j] = r[k];
            }
            for (int tap_row = 0; tap_row < 3; ++tap_row) {
                Vec r[3];
                Tile<M>::filter_adjoint(t[tap_row], r);
                for (int k = 0; k < 3; ++k) {
                    float* to = dw + (static_cast<std::size_t>(o) * 9 + tap_row * 3 + k) * s.cin + i;
                    if (s.cin - i >= kLanes)
                        store(to, r[k]);
                    else
                        store_tail(to, r[k], s.cin - i);
                }
            }
        }
    }

    /// Called by every thread of a team.
    void run(const Block& b) const {
        const int out_blocks = blocks_of(b.out_end - b.out);
        const int parts = std::min(out_blocks, 1 + omp_get_num_threads() / 4);  // of a point's rows
        const bool with_bias = dbias && b.in == 0;
        for (int first = 0; first < grid.count; first += plan.tiles) {
            const int rows = std::min(plan.tiles, grid.count - first);
#pragma omp for schedule(dynamic)
            for (int i = 0; i < rows; ++i) transform(b, first + i, i);
#pragma omp for schedule(dynamic)
            for (int task = 0; task < Q * parts + 1; ++task) {
                const int part = task % parts;
                if (task == Q * parts) {
                    if (with_bias) add_sums(b, rows, first > 0);
                } else {
                    multiply(b, task / parts, rows, out_blocks * part / parts, out_blocks * (part + 1) / parts, first > 0);
                }
            }
        }
#pragma omp for schedule(dynamic)
        for (int o = b.out; o < std::min(b.out_end, s.cout); ++o) output(b, o);
#pragma omp single
        if (with_bias)
            std::copy_n(sums + static_cast<std::size_t>(plan.tiles) * plan.cout, std::min(b.out_end, s.cout) - b.out,
                        dbias + b.out);
    }
};

template <int M, class T>
void filter_grad(const FilterGradPlan& plan, const WinogradShape& s, const T* x, const T* dy, float* dw, float* dbias,
                 float* scratch) {
    constexpr int Q = Tile<M>::Q;
    float* v = align(scratch);
    float* z = v + Q * plan.v_stride;
    float* c = z + Q * plan.z_stride;
    const FilterGrad<M, T> f{s, plan, x, dy, dw, dbias, v, z, c, c + Q * plan.c_stride};
    const int cin = blocks_of(s.cin) * kLanes, cout = blocks_of(s.cout) * kLanes;
#pragma omp parallel
    for (int o = 0; o < cout; o += plan.cout)
        for (int i = 0; i < cin; i += plan.cin)
            f.run({i, std::min(i + plan.cin, cin), o, std::min(o + plan.cout, cout)});
}

}  // namespace
}  // namespace winograd

std::size_t winograd_filter_grad_scratch_floats(const WinogradShape& s) { return winograd::filter_grad_plan(s).floats; }

template <class T>
void winograd_filter_grad(const WinogradShape& s, const T* x, const T* dy, float* dw, float* dbias, float* scratch) {
    const auto plan = winograd::filter_grad_plan(s);
    if (plan.m == 6)
        winograd::filter_grad<6>(plan, s, x, dy, dw, dbias, scratch);
    else
        winograd::filter_grad<4>(plan, s, x, dy, dw, dbias, scratch);
}

template void winograd_filter_grad(const WinogradShape&, const float*, const float*, float*, float*, float*);
template void winograd_filter_grad(const WinogradShape&, const bf16*, const bf16*, float*, float*, float*);

/// Below sixteen channels lanes go empty, and the transforms cost as much as the products.
bool winograd_profitable(const WinogradShape& s) {
    return s.cin >= 16 && s.cout >= 16 && static_cast<long>(s.n) * s.ho * s.wo >= 64 && s.ho >= 4 && s.wo >= 4;
}

}  // namespace camber::cpu
