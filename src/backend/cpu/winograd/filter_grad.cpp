#include <algorithm>

#include "backend/cpu/winograd/gemm.h"
#include "backend/cpu/winograd/plan.h"

/// dw = G^T [ sum over tiles of (B^T x B) * (A dy A^T) ] G, the adjoint of the forward pass with respect to w: the sum
/// over tiles is a matrix product for each of the P x P points, [cout x tiles] times [tiles x cin].
///
/// The sums of all points, C, stay in the shared cache while the tiles stream by in chunks; where there are many
/// channels, C is done in blocks of them. Threads work apart as far as that fits into the cache: on shares of the
/// tiles, which are added up in the end, or on blocks of channels. Otherwise they transform a chunk together and then
/// each adds it to the points it takes. Shares and chunks follow from the shape alone, and so do the bits of all sums;
/// the number of threads says only who does what.
namespace camber::cpu {
namespace winograd {
namespace {

struct FilterGradPlan {
    int m;                                       ///< tile size
    int tiles;                                   ///< of a chunk
    int cin, cout;                               ///< of a block of C, multiples of sixteen
    TileMatrix layout;                           ///< of V and Z
    TileMatrix c_layout;                         ///< of C, a row a cout
    int shares;                                  ///< of the tiles, each with a C, done by one thread
    bool blocks_apart;                           ///< a block of C is done by one thread
    int workers;                                 ///< how many V and Z there are
    std::size_t transformed_floats, sum_floats;  ///< of a V and Z, of a C and the sums of dy

    int sums() const { return std::max(shares, blocks_apart ? workers : 1); }
    std::size_t floats() const {
        return transformed_floats * static_cast<std::size_t>(workers) + sum_floats * static_cast<std::size_t>(sums());
    }
};

FilterGradPlan filter_grad_plan(const WinogradShape& s) {
    const auto work = [&](auto tile) { return tile.Q * TileGrid(tile.P - 2, s.n, s.ho, s.wo, s.dilation).count; };
    FilterGradPlan p;
    p.m = std::min(s.cin, s.cout) >= 32 && work(Tile<6>{}) < work(Tile<4>{}) ? 6 : 4;
    const int points = (p.m + 2) * (p.m + 2);
    constexpr int limit = 256;
    p.cin = std::min(blocks_of(s.cin) * lanes, limit);
    p.cout = std::min(blocks_of(s.cout) * lanes, limit);
    const std::size_t per_tile = static_cast<std::size_t>(points) * (p.cin + p.cout) * sizeof(float);
    const auto fitting = [&](int megabytes) {
        return static_cast<int>((static_cast<std::size_t>(megabytes) << 20) / per_tile);
    };
    const int count = TileGrid(p.m, s.n, s.ho, s.wo, s.dilation).count, threads = omp_get_max_threads();
    const std::size_t c_bytes = static_cast<std::size_t>(points) * p.cin * p.cout * sizeof(float);
    constexpr std::size_t cached = 20 << 20;
    p.tiles = std::clamp(fitting(6), 32, 96);
    p.shares = 8;
    while (p.shares > 1 && (c_bytes * p.shares > cached || count < 2 * p.tiles * p.shares)) p.shares /= 2;
    const int blocks = ((s.cin + limit - 1) / limit) * ((s.cout + limit - 1) / limit);
    const bool may_be_apart = p.shares == 1 && blocks > 1 && c_bytes * 2 <= cached;
    p.blocks_apart =
        may_be_apart && threads > 1 && c_bytes * threads <= cached && (blocks % threads == 0 || blocks >= 4 * threads);
    p.workers = p.blocks_apart ? threads : std::min(threads, p.shares);
    if (p.shares == 1 && !may_be_apart) p.tiles = std::clamp(fitting(14), 48, 128);
    p.tiles = chunk_tiles((count + p.shares - 1) / p.shares, p.tiles);
    p.layout = TileMatrix(points, p.tiles);
    p.c_layout = TileMatrix(points, p.cout);
    p.transformed_floats = p.layout.floats(p.cin) + p.layout.floats(p.cout);
    p.sum_floats = p.c_layout.floats(p.cin) + static_cast<std::size_t>(p.tiles + 1) * p.cout;
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
    float* scratch;
    TileGrid grid{M, s.n, s.ho, s.wo, s.dilation};

    struct Block {
        int in, in_end, out, out_end;  ///< channels
    };

    /// What a thread works with, apart from others.
    struct Work {
        float* v;  ///< channels in ..
        float* z;  ///< channels out ..
        float* c;
        float* sums;  ///< [tile][cout] of dy, then their total [cout]
    };
    Work work(int worker, int sum) const {
        float* v = scratch + static_cast<std::size_t>(worker) * plan.transformed_floats;
        float* c = scratch + static_cast<std::size_t>(plan.workers) * plan.transformed_floats +
                   static_cast<std::size_t>(sum) * plan.sum_floats;
        return {v, v + plan.layout.floats(plan.cin), c, c + plan.c_layout.floats(plan.cin)};
    }
    float* total_sums(const Work& w) const { return w.sums + static_cast<std::size_t>(plan.tiles) * plan.cout; }

    void transform(const Block& b, const Work& w, int tile, int row) const {
        const TilePosition at(grid, tile);
        const TileMatrix& l = plan.layout;
        const Window<P, const T> d(Plane<const T>(x, s.h, s.w, s.cin, s.cin, at, s.dilation),
                                   at.row * M - s.pad_top / s.dilation, at.column * M - s.pad_left / s.dilation);
        for_each_block<M>(d, b.in, b.in_end, [&](const auto& pixels, int block) {
            input_transform<M, false>(pixels, w.v + l.at(block, 0, row), l.point_stride);
        });
        if (b.in > 0 && plan.workers == 1 && grid.count <= plan.tiles) return;  // Z is still there
        const Window<M, const T> e(Plane<const T>(dy, s.ho, s.wo, s.cout, s.cout, at, s.dilation), at.row * M,
                                   at.column * M);
        float* sum = w.sums + static_cast<std::size_t>(row) * plan.cout;
        for_each_block<M>(e, b.out, b.out_end, [&](const auto& pixels, int block) {
            store(sum + block * lanes, output_adjoint_transform<M>(pixels, w.z + l.at(block, 0, row), l.point_stride));
        });
    }

    /// C[point] (+)= Z[point]^T V[point] over `rows` tiles, for blocks [begin, end) of sixteen cout.
    void multiply(const Block& b, const Work& w, int point, int rows, int begin, int end, bool accumulate) const {
        const TileMatrix& l = plan.layout;
        const int in_blocks = blocks_of(b.in_end - b.in);
        constexpr int parts = (lanes + max_rows - 1) / max_rows;
        for (int i = 0; i < in_blocks; i += max_columns) {
            const int columns = std::min(max_columns, in_blocks - i);
            for (int o = begin; o < end; ++o) {
                for (int part = 0; part < parts; ++part) {
                    const int m = lanes * part / parts, next = lanes * (part + 1) / parts;
                    Product g{};
                    g.a = w.z + l.at(o, point, 0) + m;
                    g.b = w.v + l.at(i, point, 0);
                    g.b_block = l.block_stride;
                    g.c = w.c + plan.c_layout.at(i, point, o * lanes + m);
                    g.c_block = plan.c_layout.block_stride;
                    g.depth = rows;
                    g.accumulate = accumulate;
                    g.prefetch_lines = lanes / parts;  // of the next block of Z
                    g.prefetch = w.z + l.at(o + 1 < end ? o + 1 : begin, point, rows * part / parts);
                    product_kernel_for(next - m, columns, true)(g);
                }
            }
        }
    }

    void add_sums(const Block& b, const Work& w, int rows, bool accumulate) const {
        float* total = total_sums(w);
        for (int o = 0; o < b.out_end - b.out; o += lanes) {
            Vec t = accumulate ? load(total + o) : Vec{};
            for (int row = 0; row < rows; ++row) t += load(w.sums + static_cast<std::size_t>(row) * plan.cout + o);
            store(total + o, t);
        }
    }

    /// dw[o, :, :, i .. i + 15] = G^T C G, C summed over shares, of which `w` is the first.
    void output(const Block& b, const Work& w, int o, int i) const {
        const float* from = w.c + plan.c_layout.at((i - b.in) / lanes, 0, o - b.out);
        Vec t[3][P];
        for (int j = 0; j < P; ++j) {
            Vec column[P], r[3];
#pragma GCC unroll 8
            for (int k = 0; k < P; ++k) {
                const float* point = from + static_cast<std::size_t>(k * P + j) * plan.c_layout.point_stride;
                column[k] = in_register(load(point));
                __builtin_prefetch(point + 4 * lanes);
                for (int share = 1; share < plan.shares; ++share) column[k] += load(point + share * plan.sum_floats);
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
                if (s.cin - i >= lanes)
                    store(to, r[k]);
                else
                    store_tail(to, r[k], s.cin - i);
            }
        }
    }

    /// dbias[out ..], the same.
    void output_bias(const Block& b, const Work& w) const {
        if (!dbias || b.in > 0) return;
        for (int o = b.out; o < std::min(b.out_end, s.cout); ++o) {
            const float* total = total_sums(w) + (o - b.out);
            dbias[o] = *total;
            for (int share = 1; share < plan.shares; ++share) dbias[o] += total[share * plan.sum_floats];
        }
    }

    /// Tiles [begin, end), by the calling thread.
    void sum_apart(const Block& b, const Work& w, int begin, int end) const {
        for (int first = begin; first < end; first += plan.tiles) {
            const int rows = std::min(plan.tiles, end - first);
            for (int i = 0; i < rows; ++i) transform(b, w, first + i, i);
            if (b.in == 0) add_sums(b, w, rows, first > begin);
            for (int p = 0; p < Q; ++p) multiply(b, w, p, rows, 0, blocks_of(b.out_end - b.out), first > begin);
        }
    }

    /// All chunks, by all threads of the team.
    void sum_together(const Block& b) const {
        const Work w = work(0, 0);
        const int out_blocks = blocks_of(b.out_end - b.out);
        const int parts = std::min(out_blocks, 1 + omp_get_num_threads() / 4);  // of a point's rows
        for (int first = 0; first < grid.count; first += plan.tiles) {
            const int rows = std::min(plan.tiles, grid.count - first);
#pragma omp for schedule(dynamic)
            for (int i = 0; i < rows; ++i) transform(b, w, first + i, i);
#pragma omp for schedule(dynamic)
            for (int task = 0; task < Q * parts + 1; ++task) {
                const int part = task % parts, begin = out_blocks * part / parts, end = out_blocks * (part + 1) / parts;
                if (task < Q * parts)
                    multiply(b, w, task / parts, rows, begin, end, first > 0);
                else if (b.in == 0)
                    add_sums(b, w, rows, first > 0);
            }
        }
    }

    /// One block, by all threads of the team.
    void run(const Block& b) const {
        if (plan.shares == 1) {
            sum_together(b);
        } else {
#pragma omp for schedule(dynamic)
            for (int share = 0; share < plan.shares; ++share) {
                const auto begin = [&](int i) {
                    return static_cast<int>(static_cast<long>(grid.count) * i / plan.shares);
                };
                const int worker = plan.workers < plan.shares ? omp_get_thread_num() : share;
                sum_apart(b, work(worker, share), begin(share), begin(share + 1));
            }
        }
        const int out_end = std::min(b.out_end, s.cout);
#pragma omp for schedule(dynamic) collapse(2)
        for (int i = b.in; i < b.in_end; i += lanes)
            for (int first = b.out; first < out_end; first += lanes)
                for (int o = first; o < std::min(first + lanes, out_end); ++o) output(b, work(0, 0), o, i);
#pragma omp single
        output_bias(b, work(0, 0));
    }

    /// One block, by the calling thread.
    void run_apart(const Block& b, const Work& w) const {
        sum_apart(b, w, 0, grid.count);
        for (int i = b.in; i < b.in_end; i += lanes)
            for (int o = b.out; o < std::min(b.out_end, s.cout); ++o) output(b, w, o, i);
        output_bias(b, w);
    }
};

template <int M, class T>
void filter_grad(const FilterGradPlan& plan, const WinogradShape& s, const T* x, const T* dy, float* dw, float* dbias,
                 float* scratch) {
    using Grad = FilterGrad<M, T>;
    const Grad f{s, plan, x, dy, dw, dbias, align(scratch)};
    const int cin = blocks_of(s.cin) * lanes, cout = blocks_of(s.cout) * lanes;
    const auto block = [&](int o, int i) {
        return typename Grad::Block{i, std::min(i + plan.cin, cin), o, std::min(o + plan.cout, cout)};
    };
#pragma omp parallel
    if (plan.blocks_apart) {
#pragma omp for collapse(2) schedule(dynamic)
        for (int o = 0; o < cout; o += plan.cout)
            for (int i = 0; i < cin; i += plan.cin)
                f.run_apart(block(o, i), f.work(omp_get_thread_num(), omp_get_thread_num()));
    } else {
        for (int o = 0; o < cout; o += plan.cout)
            for (int i = 0; i < cin; i += plan.cin) f.run(block(o, i));
    }
}

}  // namespace
}  // namespace winograd

std::size_t winograd_filter_grad_scratch_floats(const WinogradShape& s) {
    const auto plan = winograd::filter_grad_plan(s);
    return plan.floats() + lanes;
}

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

}  // namespace camber::cpu
