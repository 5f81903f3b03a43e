#include <algorithm>

#include "winograd_gemm.h"
#include "winograd_plan.h"

/// dw = G^T [ sum over tiles of (B^T x B) * (A dy A^T) ] G, the adjoint of the forward pass with respect to w: the sum
/// over tiles is a matrix product for each of the P x P points, [cout x tiles] times [tiles x cin].
///
/// The sums of all points, C, stay in the shared cache while the tiles stream by in chunks: all threads transform a
/// chunk, then each adds it to the points it takes. Layers whose C would be too large are done in blocks of channels. A
/// sum is always taken in the order of the tiles, whoever does it, so that results do not depend on the number of
/// threads.
namespace camber::cpu {
namespace winograd {
namespace {

struct FilterGradPlan {
    int m;                // tile size
    int tiles;            // of a chunk
    int cin, cout;        // of a block of C, multiples of sixteen
    TileMatrix layout;    // of V and Z
    TileMatrix c_layout;  // of C, a row a cout
    std::size_t floats;
};

FilterGradPlan filter_grad_plan(const WinogradShape& s) {
    const auto work = [&](auto tile) { return tile.Q * TileGrid(tile.P - 2, s.n, s.ho, s.wo).count; };
    FilterGradPlan p;
    p.m = std::min(s.cin, s.cout) >= 32 && work(Tile<6>{}) < work(Tile<4>{}) ? 6 : 4;
    const int points = (p.m + 2) * (p.m + 2);
    constexpr int limit = 256;
    p.cin = std::min(blocks_of(s.cin) * kLanes, limit);
    p.cout = std::min(blocks_of(s.cout) * kLanes, limit);
    const std::size_t per_tile = static_cast<std::size_t>(points) * (p.cin + p.cout) * sizeof(float);
    p.tiles = chunk_tiles(TileGrid(p.m, s.n, s.ho, s.wo).count,
                          std::clamp(static_cast<int>((std::size_t{14} << 20) / per_tile), 48, 128));
    p.layout = TileMatrix(points, p.tiles);
    p.c_layout = TileMatrix(points, p.cout);
    const std::size_t bias = static_cast<std::size_t>(p.tiles + 1) * p.cout;
    p.floats = p.layout.floats(p.cin) + p.layout.floats(p.cout) + p.c_layout.floats(p.cin) + bias + kLanes;
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
        const TileMatrix& l = plan.layout;
        const Window<P, const T> d(x + static_cast<std::size_t>(at.image) * s.h * s.w * s.cin, s.h, s.w, s.cin,
                                   at.row * M - s.pad_top, at.column * M - s.pad_left);
        for_each_block<M>(d, b.in, b.in_end, [&](const auto& pixels, int block) {
            input_transform<M>(pixels, v + l.at(block, 0, row), l.point_stride);
        });
        if (b.in > 0 && grid.count <= plan.tiles) return;  // Z is still there
        const Window<M, const T> e(dy + static_cast<std::size_t>(at.image) * s.ho * s.wo * s.cout, s.ho, s.wo, s.cout,
                                   at.row * M, at.column * M);
        float* sum = sums + static_cast<std::size_t>(row) * plan.cout;
        for_each_block<M>(e, b.out, b.out_end, [&](const auto& pixels, int block) {
            store(sum + block * kLanes, output_adjoint_transform<M>(pixels, z + l.at(block, 0, row), l.point_stride));
        });
    }

    /// C[point] (+)= Z[point]^T V[point] over `rows` tiles, for blocks [begin, end) of sixteen cout.
    void multiply(const Block& b, int point, int rows, int begin, int end, bool accumulate) const {
        const TileMatrix& l = plan.layout;
        const int in_blocks = blocks_of(b.in_end - b.in);
        constexpr int parts = (kLanes + kMaxRows - 1) / kMaxRows;
        for (int i = 0; i < in_blocks; i += kMaxColumns) {
            const int columns = std::min(kMaxColumns, in_blocks - i);
            for (int o = begin; o < end; ++o) {
                for (int part = 0; part < parts; ++part) {
                    const int m = kLanes * part / parts, next = kLanes * (part + 1) / parts;
                    Product g{};
                    g.a = z + l.at(o, point, 0) + m;
                    g.b = v + l.at(i, point, 0);
                    g.b_block = l.block_stride;
                    g.c = c + plan.c_layout.at(i, point, o * kLanes + m);
                    g.c_block = plan.c_layout.block_stride;
                    g.depth = rows;
                    g.accumulate = accumulate;
                    g.prefetch_lines = kLanes / parts;  // of the next block of Z
                    g.prefetch = z + l.at(o + 1 < end ? o + 1 : begin, point, rows * part / parts);
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

    /// dw[o, :, :, i .. i + 15] = G^T C G.
    void output(const Block& b, int o, int i) const {
        const float* from = c + plan.c_layout.at((i - b.in) / kLanes, 0, o - b.out);
        Vec t[3][P];
        for (int j = 0; j < P; ++j) {
            Vec column[P], r[3];
#pragma GCC unroll 8
            for (int k = 0; k < P; ++k) {
                const float* point = from + static_cast<std::size_t>(k * P + j) * plan.c_layout.point_stride;
                column[k] = in_register(load(point));
                __builtin_prefetch(point + 4 * kLanes);
            }
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
                    multiply(b, task / parts, rows, out_blocks * part / parts, out_blocks * (part + 1) / parts,
                             first > 0);
                }
            }
        }
#pragma omp for schedule(dynamic) collapse(2)
        for (int i = b.in; i < b.in_end; i += kLanes)
            for (int first = b.out; first < std::min(b.out_end, s.cout); first += kLanes)
                for (int o = first; o < std::min({first + kLanes, b.out_end, s.cout}); ++o) output(b, o, i);
#pragma omp single
        if (with_bias)
            std::copy_n(sums + static_cast<std::size_t>(plan.tiles) * plan.cout, std::min(b.out_end, s.cout) - b.out,
                        dbias + b.out);
    }
};

template <int M, class T>
void filter_grad(const FilterGradPlan& plan, const WinogradShape& s, const T* x, const T* dy, float* dw, float* dbias,
                 float* scratch) {
    float* v = align(scratch);
    float* z = v + plan.layout.floats(plan.cin);
    float* c = z + plan.layout.floats(plan.cout);
    const FilterGrad<M, T> f{s, plan, x, dy, dw, dbias, v, z, c, c + plan.c_layout.floats(plan.cin)};
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
