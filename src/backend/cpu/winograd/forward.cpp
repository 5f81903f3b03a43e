#include <cstdint>
#include <limits>
#include <type_traits>

#include "backend/cpu/image.h"
#include "backend/cpu/winograd/few_tiles.h"
#include "backend/cpu/winograd/gemm.h"
#include "backend/cpu/winograd/plan.h"

/// y = A^T [ sum over cin of (G w G^T) * (B^T x B) ] A, tile by tile: the sum over channels is a matrix product for
/// each of the P x P points, [tiles x cin] times [cin x cout].
///
/// Tiles are taken in chunks, and a chunk goes through the three steps while it is in cache. Where there are chunks
/// enough, each thread takes whole chunks, and U stays in the shared cache; where there are few (deep layers: small
/// images, many channels), all threads work on one chunk together, each on its own points, so that U, larger than any
/// cache, is read once a chunk.
namespace camber::cpu {
namespace winograd {
namespace {

struct ForwardPlan {
    bool together;       ///< all threads on one chunk
    int tiles;           ///< of a chunk
    TileMatrix layout;   ///< of V and M
    std::size_t floats;  ///< V and M of a chunk
};

template <int M>
ForwardPlan forward_plan(const WinogradShape& s) {
    const int count = TileGrid(M, s.n, s.ho, s.wo, s.dilation).count, threads = omp_get_max_threads();
    ForwardPlan p;
    const std::size_t per_tile = static_cast<std::size_t>(Tile<M>::Q) * (s.cin + s.cout) * sizeof(float);
    const auto fitting = [&](int kilobytes) {
        return static_cast<int>((static_cast<std::size_t>(kilobytes) << 10) / per_tile);
    };
    const std::size_t u_bytes = static_cast<std::size_t>(Tile<M>::Q) * s.cin * s.cout * sizeof(float);
    p.together = u_bytes > (12u << 20) || (threads > 1 && count < 16 * threads);
    // Apart, V and M stay in the second-level cache or little beyond it: a thread reads them again, no other does.
    p.tiles = p.together ? chunk_tiles(count, std::clamp(fitting(30 << 10), 64, 160))
                         : chunk_tiles((count + threads - 1) / threads, std::clamp(fitting(1536) / 8 * 8, 16, 96));
    p.layout = TileMatrix(Tile<M>::Q, p.tiles);
    p.floats = p.layout.floats(s.cin) + p.layout.floats(s.cout);
    return p;
}

constexpr int group = 4;          // neighbouring tiles that one thread transforms in a row
constexpr int depth_limit = 128;  // cin at a time: of these and 32 cout, U is 16 KiB and stays in the first-level cache

template <int M, class T>
struct Forward {
    static constexpr int P = M + 2, Q = P * P;
    const WinogradShape& s;
    const ForwardPlan& plan;
    const WinogradOperands<T>& o;
    TileGrid grid{M, s.n, s.ho, s.wo, s.dilation};
    bool stream_y = false;
    std::size_t u_stride = static_cast<std::size_t>(s.cin) * lanes * blocks_of(s.cout);

    /// rows of V: tile number `tile` of the grid is row `row`.
    void input(int tile, int row, float* v) const {
        const TilePosition at(grid, tile);
        if (o.coarse) {
            constexpr int R = M / 2 + 2;
            const Window<R, const T> d(
                Plane<const T>(o.coarse, s.h / 2, s.w / 2, o.coarse_channels, o.coarse_pitch, at), at.row * M / 2 - 1,
                at.column * M / 2 - 1);
            for_each_block<M / 2>(d, 0, o.coarse_channels, [&](const auto& pixels, int block) {
                input_transform<M, true>(pixels, v + plan.layout.at(block, 0, row), plan.layout.point_stride);
            });
        }
        const int channels = s.cin - o.coarse_channels;
        const Window<P, const T> d(Plane<const T>(o.x, s.h, s.w, channels, o.x_pitch, at, s.dilation),
                                   at.row * M - s.pad_top / s.dilation, at.column * M - s.pad_left / s.dilation);
        v += plan.layout.at(o.coarse_channels / lanes, 0, row);
        for_each_block<M>(d, 0, channels, [&](const auto& pixels, int block) {
            input_transform<M, false>(pixels, v + plan.layout.at(block, 0, 0), plan.layout.point_stride);
        });
    }

    /// M[point] = V[point] U[point], `rows` tiles, blocks [begin, end) of sixteen output channels.
    void multiply(int point, int rows, int begin, int end, const float* v, float* m) const {
        const TileMatrix& l = plan.layout;
        const float* up = o.u + point * u_stride;
        const int parts = (rows + max_rows - 1) / max_rows;  // nearly equal parts
        for (int b = begin; b < end; b += max_columns) {
            const int columns = std::min(max_columns, end - b);
            for (int k = 0; k < s.cin; k += depth_limit) {
                const int depth = std::min(depth_limit, s.cin - k);
                Product g{};
                g.a = v + l.at(k / lanes, point, 0);
                g.a_block = l.block_stride;
                g.b = up + (static_cast<std::size_t>(b) * s.cin + static_cast<std::size_t>(columns) * k) * lanes;
                g.c = m + l.at(b, point, 0);
                g.c_block = l.block_stride;
                g.depth = depth;
                g.accumulate = k > 0;
                g.prefetch_lines = (lanes * columns + parts - 1) / parts;
                g.prefetch = g.b + static_cast<std::size_t>(depth) * columns * lanes;  // the next part of U
                for (int i = 0, row = 0; i < parts; ++i) {
                    const int next = rows * (i + 1) / parts;
                    product_kernel_for(next - row, columns, false)(g);
                    g.a += (next - row) * lanes;
                    g.c += (next - row) * lanes;
                    g.prefetch += g.prefetch_lines * (depth / lanes) * lanes;
                    row = next;
                }
            }
        }
    }

    /// The tile at `at` of y, or of a tensor of its size; `first` may be null.
    template <class E>
    Window<M, E> window(E* first, int pitch, const TilePosition& at) const {
        return {Plane<E>(first, s.ho, s.wo, s.cout, pitch, at, s.dilation), at.row * M, at.column * M};
    }
    /// Channels [c, c + 16) of the first of the tile's pooled pixels.
    T* pooled_at(const TilePosition& at, int c) const {
        const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(at.image) * (s.ho / 2) + at.row * (M / 2);
        return o.pooled + (row * (s.wo / 2) + at.column * (M / 2)) * s.cout + c;
    }

    /// Row `row` of M, which begins with block `begin`, to tile number `tile` of y, blocks [begin, end).
    template <bool streamed>
    void output(int tile, int row, const float* m, const TileMatrix& layout, int begin, int end) const {
        const TilePosition at(grid, tile);
        const Window<M, T> out = window(o.y, o.y_pitch, at);
        const Window<M, const T> residual = window(o.residual, o.residual_pitch, at);
        const Vec least = splat(o.relu ? 0.f : -std::numeric_limits<float>::infinity());
        for (int block = begin; block < end; ++block) {
            const float* from = m + layout.at(block - begin, 0, row);
            const int c = block * lanes;
            const int count = s.cout - c;
            const Vec b = !o.bias ? Vec{} : count >= lanes ? load(o.bias + c) : load_tail(o.bias + c, count);
            if (!out.inside() || count < lanes) {
                output_in_part(from, layout.point_stride, out, residual, b, least, at, c);
                continue;
            }
            const Pixels<T> to = out.template pixels<M>(c);
            const Pixels<const T> added = residual.template pixels<M>(c);
            T* const pooled = o.pooled ? pooled_at(at, c) : nullptr;
            Vec above[M] = {};
            const auto done = [&](int i, Vec* r) __attribute__((always_inline)) {
#pragma GCC unroll 8
                for (int j = 0; j < M; ++j) r[j] += b;
                if (o.residual) {
#pragma GCC unroll 8
                    for (int j = 0; j < M; ++j) r[j] += load(added.at(i, j));
                }
#pragma GCC unroll 8
                for (int j = 0; j < M; ++j) {
                    r[j] = at_least(least, r[j]);
                    if constexpr (streamed) {
                        stream(to.at(i, j), r[j]);
                    } else {
                        to.template prefetch<true>(i, j);
                        store(to.at(i, j), r[j]);
                    }
                }
                if (!pooled) return;
                if (i % 2 == 0) {
#pragma GCC unroll 8
                    for (int j = 0; j < M; ++j) above[j] = r[j];
                    return;
                }
                T* const maxima = pooled + static_cast<std::ptrdiff_t>(i / 2) * (s.wo / 2) * s.cout;
#pragma GCC unroll 8
                for (int j = 0; j < M; j += 2)
                    store(maxima + static_cast<std::ptrdiff_t>(j / 2) * s.cout,
                          larger(larger(above[j], above[j + 1]), larger(r[j], r[j + 1])));
            };
            output_transform<M>(from, layout.point_stride, done);
        }
    }

    static CAMBER_VEC Vec larger(Vec a, Vec b) { return select(exceeds(b, a), b, a); }

    /// The part inside the image of a tile at its edge, or of channels that do not fill a Vec.
    void output_in_part(const float* from, std::size_t point_stride, const Window<M, T>& out,
                        const Window<M, const T>& residual, Vec bias, Vec least, const TilePosition& at, int c) const {
        Vec buffer[M][M];
        output_transform<M>(
            from, point_stride, [&](int i, const Vec* r) __attribute__((always_inline)) {
                for (int j = 0; j < M; ++j) buffer[i][j] = r[j];
            });
        const int count = std::min(s.cout - c, lanes);
        const auto finish = [&](auto part) __attribute__((always_inline)) {
            for (int i = 0; i < out.row_end; ++i)
                for (int j = 0; j < out.column_end; ++j) {
                    Vec v = buffer[i][j] + bias;
                    if (o.residual) v += load(residual.at(i, j, c), part);
                    store(out.at(i, j, c), buffer[i][j] = at_least(least, v), part);
                }
            if (!o.pooled) return;
            T* const pooled = pooled_at(at, c);
            for (int i = 0; i + 1 < out.row_end; i += 2)
                for (int j = 0; j + 1 < out.column_end; j += 2)
                    store(
                        pooled + (static_cast<std::ptrdiff_t>(i / 2) * (s.wo / 2) + j / 2) * s.cout,
                        larger(larger(buffer[i][j], buffer[i][j + 1]), larger(buffer[i + 1][j], buffer[i + 1][j + 1])),
                        part);
        };
        if (count == lanes)
            finish(All{});
        else
            finish(First{count});
    }

    void inputs(int tile, int row, int count, float* v) const {
        for (int i = 0; i < count; ++i) input(tile + i, row + i, v);
    }

    void outputs(int tile, int row, int count, const float* m, const TileMatrix& layout, int begin, int end) const {
        for (int i = 0; i < count; ++i) {
            if (stream_y)
                output<std::is_same_v<T, float>>(tile + i, row + i, m, layout, begin, end);
            else
                output<false>(tile + i, row + i, m, layout, begin, end);
        }
        if (stream_y) stream_fence();
    }
    void outputs(int tile, int row, int count, const float* m) const {
        outputs(tile, row, count, m, plan.layout, 0, blocks_of(s.cout));
    }

    void apart(float* scratch) const {
        const int chunks = (grid.count + plan.tiles - 1) / plan.tiles;
#pragma omp parallel
        {
            float* v = scratch + omp_get_thread_num() * plan.floats;
            float* m = v + plan.layout.floats(s.cin);
#pragma omp for schedule(dynamic)
            for (int chunk = 0; chunk < chunks; ++chunk) {
                const int first = chunk * plan.tiles, rows = std::min(plan.tiles, grid.count - first);
                inputs(first, 0, rows, v);
                for (int p = 0; p < Q; ++p) multiply(p, rows, 0, blocks_of(s.cout), v, m);
                outputs(first, 0, rows, m);
            }
        }
    }

    void together(float* scratch) const {
        float* v = scratch;
        float* m = v + plan.layout.floats(s.cin);
        const int blocks = blocks_of(s.cout), groups = (blocks + max_columns - 1) / max_columns;
        const int parts = std::min(groups, 1 + omp_get_max_threads() / 4);  // of a point's columns
        const auto begin = [&](int part) { return std::min(blocks, groups * part / parts * max_columns); };
#pragma omp parallel
        for (int first = 0; first < grid.count; first += plan.tiles) {
            const int rows = std::min(plan.tiles, grid.count - first);
#pragma omp for schedule(dynamic)
            for (int i = 0; i < rows; i += group) inputs(first + i, i, std::min(group, rows - i), v);
#pragma omp for schedule(dynamic)
            for (int task = 0; task < Q * parts; ++task) {
                const int part = task % parts;
                multiply(task / parts, rows, begin(part), begin(part + 1), v, m);
            }
#pragma omp for schedule(dynamic)
            for (int i = 0; i < rows; i += group) outputs(first + i, i, std::min(group, rows - i), m);
        }
    }
};

/// How winograd_by_columns() goes: all threads transform the tiles of a chunk, then each takes columns of M, thirty-two
/// output channels at a time, from the filter's transform to y.
template <int M>
struct ColumnsPlan {
    static constexpr int depth = 64;  ///< cin at a time: their part of U stays in the second-level cache
    static constexpr std::size_t u_stride = (depth * max_columns + 1) * lanes;
    ForwardPlan chunk;    ///< layout: of V
    bool few;             ///< of tiles: their products are made while the filter is transformed
    TileMatrix m_layout;  ///< of a thread's M
    std::size_t work_floats;

    explicit ColumnsPlan(const WinogradShape& s) {
        constexpr std::size_t v_bytes = 10 << 20;
        const int count = TileGrid(M, s.n, s.ho, s.wo, s.dilation).count;
        const auto fitting = static_cast<int>(v_bytes / (Tile<M>::Q * static_cast<std::size_t>(s.cin) * sizeof(float)));
        chunk.together = true;
        chunk.tiles = chunk_tiles(count, std::clamp(fitting, 32, 96));
        few = M == 4 && count <= most_few_tiles;
        chunk.layout = m_layout = TileMatrix(Tile<M>::Q, few ? most_few_tiles : chunk.tiles);
        chunk.floats = chunk.layout.floats(s.cin);
        work_floats = m_layout.floats(max_columns * lanes) + Tile<M>::Q * u_stride;
    }
    std::size_t floats() const { return chunk.floats + work_floats * static_cast<std::size_t>(omp_get_max_threads()); }
};

template <int M, class T>
class ByColumns {
  public:
    ByColumns(const WinogradShape& s, const ColumnsPlan<M>& plan, const WinogradOperands<T>& o, const T* taps)
        : s_(s), plan_(plan), forward_{s, plan.chunk, o}, taps_(taps) {}

    void run(float* v) const {
        const int blocks = blocks_of(s_.cout), groups = (blocks + max_columns - 1) / max_columns;
        const TileGrid& grid = forward_.grid;
#pragma omp parallel
        {
            float* const m = v + plan_.chunk.floats + omp_get_thread_num() * plan_.work_floats;
            float* const u = m + plan_.m_layout.floats(max_columns * lanes);
            for (int first = 0; first < grid.count; first += plan_.chunk.tiles) {
                const int rows = std::min(plan_.chunk.tiles, grid.count - first);
#pragma omp for schedule(dynamic)
                for (int i = 0; i < rows; i += group) forward_.inputs(first + i, i, std::min(group, rows - i), v);
#pragma omp for schedule(dynamic)
                for (int g = 0; g < groups; ++g) {
                    const int begin = g * max_columns, columns = std::min(max_columns, blocks - begin);
                    if (plan_.few) multiply_few(begin, columns, rows, v, m);
                    for (int k = 0; k < s_.cin && !plan_.few; k += plan_.depth) {
                        const int depth = std::min(plan_.depth, s_.cin - k);
                        transform(begin, columns, k, depth, u);
                        for (int p = 0; p < Tile<M>::Q; ++p) multiply(p, rows, begin, columns, k, depth, v, u, m);
                    }
                    forward_.outputs(first, 0, rows, m, plan_.m_layout, begin, begin + columns);
                }
            }
        }
    }

  private:
    const T* taps_at(int begin, int columns, int k) const {
        const std::size_t row = static_cast<std::size_t>(begin) * s_.cin + static_cast<std::size_t>(k) * columns;
        return taps_ + row * 9 * lanes;
    }
    void transform(int begin, int columns, int k, int depth, float* u) const {
        const T* from = taps_at(begin, columns, k);
        for (int i = 0; i < depth; ++i, from += 9 * columns * lanes)
            for (int b = 0; b < columns; ++b) {
                Vec g[3][3];
                for (int tap = 0; tap < 9; ++tap) g[tap / 3][tap % 3] = load(from + (tap * columns + b) * lanes);
                filter_block<M>(g, u + (i * columns + b) * lanes, plan_.u_stride, false);
            }
    }
    void multiply(int point, int rows, int begin, int columns, int k, int depth, const float* v, const float* u,
                  float* m) const {
        Product g{};
        g.a = v + plan_.chunk.layout.at(k / lanes, point, 0);
        g.a_block = plan_.chunk.layout.block_stride;
        g.b = u + point * plan_.u_stride;
        g.c = m + plan_.m_layout.at(0, point, 0);
        g.c_block = plan_.m_layout.block_stride;
        g.depth = depth;
        g.accumulate = k > 0;
        const int parts = (rows + max_rows - 1) / max_rows;
        // All products together ask for the taps of the next part of the filter, which follow these.
        const int slots = Tile<M>::Q * parts * ((depth + lanes - 1) / lanes);
        const auto lines = static_cast<int>(9 * lanes * sizeof(T) / 64) * columns * depth;
        g.prefetch_lines = (lines + slots - 1) / slots;
        g.prefetch = reinterpret_cast<const float*>(taps_at(begin, columns, k + depth)) +
                     point * parts * (depth / lanes) * g.prefetch_lines * lanes;
        for (int i = 0, row = 0; i < parts; ++i) {
            const int next = rows * (i + 1) / parts;
            product_kernel_for(next - row, columns, false)(g);
            g.prefetch += g.prefetch_lines * (depth / lanes) * lanes;
            g.a += (next - row) * lanes;
            g.c += (next - row) * lanes;
            row = next;
        }
    }

    void multiply_few(int begin, int columns, int rows, const float* v, float* m) const {
        if constexpr (M == 4) {
            const TileMatrix& l = plan_.chunk.layout;
            FewTiles<T> g{};
            g.tap_stride = columns * lanes;
            g.v_block = l.block_stride;
            g.point_stride = l.point_stride;
            for (int k = 0; k < s_.cin; k += g.most_depth) {
                g.depth = std::min(g.most_depth, s_.cin - k);
                g.accumulate = k > 0;
                for (int b = 0; b < columns; ++b)
                    for (int row = 0; row < rows; row += g.tiles) {
                        g.taps = taps_at(begin, columns, k) + b * lanes;
                        g.v = v + l.at(k / lanes, 0, row);
                        g.c = m + plan_.m_layout.at(b, 0, row);
                        g.prefetch = b == 0 && row == 0;
                        few_tiles_products(g);
                    }
            }
        }
    }

    const WinogradShape& s_;
    const ColumnsPlan<M>& plan_;
    Forward<M, T> forward_;
    const T* taps_;
};

template <int M, class T>
void by_columns(const WinogradShape& s, const WinogradOperands<T>& o, const T* taps, float* scratch) {
    const ColumnsPlan<M> plan(s);
    ByColumns<M, T>(s, plan, o, taps).run(align(scratch));
}

/// For each pair of channels.
template <int M>
long products(const WinogradShape& s) {
    return static_cast<long>(Tile<M>::Q) * TileGrid(M, s.n, s.ho, s.wo, s.dilation).count;
}

/// Of all pixels of an output image.
long taps_inside(const WinogradShape& s) {
    const auto along = [&](int out, int in, int pad) {
        long count = 0;
        for (int i = 0; i < out; ++i)
            for (int k = 0; k < 3; ++k) {
                const int at = i - pad + k * s.dilation;
                count += at >= 0 && at < in;
            }
        return count;
    };
    return along(s.ho, s.h, s.pad_top) * along(s.wo, s.w, s.pad_left);
}

template <int M, class T>
void forward(const WinogradShape& s, const WinogradOperands<T>& o, float* scratch) {
    const ForwardPlan plan = forward_plan<M>(s);
    Forward<M, T> f{s, plan, o};
    const std::size_t bytes = sizeof(T) * s.n * s.ho * s.wo * static_cast<std::size_t>(s.cout);
    f.stream_y = std::is_same_v<T, float> && s.cout % lanes == 0 && o.y_pitch % lanes == 0 && should_stream(o.y, bytes);
    if (plan.together)
        f.together(align(scratch));
    else
        f.apart(align(scratch));
}

}  // namespace
}  // namespace winograd

/// Below sixteen channels lanes go empty, and the transforms cost as much as the products.
bool winograd_profitable(const WinogradShape& s, int least_cout) {
    if (s.cin < 16 || s.cout < least_cout || static_cast<long>(s.n) * s.ho * s.wo < 64 || s.ho < 4 || s.wo < 4)
        return false;
    // Images of pixels far apart are small: tiles stick out of them, and direct convolutions leave out taps that do.
    return s.dilation == 1 || winograd::products<4>(s) * 5 < 4 * s.n * winograd::taps_inside(s);
}

int winograd_tile(const WinogradShape& s) {
    const bool fewer = winograd::products<6>(s) < winograd::products<4>(s);
    return fewer && winograd::large_tiles(s.cin, s.cout) ? 6 : 4;
}

std::size_t winograd_forward_scratch_floats(const WinogradShape& s) {
    const auto plan = s.tile == 6 ? winograd::forward_plan<6>(s) : winograd::forward_plan<4>(s);
    return plan.floats * static_cast<std::size_t>(plan.together ? 1 : omp_get_max_threads()) + lanes;
}

template <class T>
void winograd_forward(const WinogradShape& s, const WinogradOperands<T>& operands, float* scratch) {
    if (s.tile == 6)
        winograd::forward<6>(s, operands, scratch);
    else
        winograd::forward<4>(s, operands, scratch);
}

template void winograd_forward(const WinogradShape&, const WinogradOperands<float>&, float*);
template void winograd_forward(const WinogradShape&, const WinogradOperands<bf16>&, float*);

std::size_t winograd_by_columns_scratch_floats(const WinogradShape& s) {
    return (s.tile == 6 ? winograd::ColumnsPlan<6>(s).floats() : winograd::ColumnsPlan<4>(s).floats()) + lanes;
}

template <class T>
void winograd_by_columns(const WinogradShape& s, const WinogradOperands<T>& operands, const T* taps, float* scratch) {
    if (s.tile == 6)
        winograd::by_columns<6>(s, operands, taps, scratch);
    else
        winograd::by_columns<4>(s, operands, taps, scratch);
}

template void winograd_by_columns(const WinogradShape&, const WinogradOperands<float>&, const float*, float*);
template void winograd_by_columns(const WinogradShape&, const WinogradOperands<bf16>&, const bf16*, float*);

}  // namespace camber::cpu
