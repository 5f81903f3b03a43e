#include "emulator/warpgroup.h"

#include <camber/tensor.h>

#include "cuda/kernels/warpgroup_gemm.h"

namespace camber::emulated {
namespace {

/// c [rows, columns] = a b; a is [rows, k] or transposed [k, rows], b [columns, k] or transposed [k, columns].
template <class Tile>
__global__ void tile_kernel(const bf16* a, const bf16* b, float* c, int k) {
    bf16* const shared = implicit_gemm::slices<Tile>();
    const auto fetch = [&]<class Slice, int extent>(bf16* to, const bf16* from, int slice, Slice,
                                                    std::integral_constant<int, extent>) {
        for (int pass = 0; pass < Slice::passes; ++pass) {
            const int line = Slice::line(pass), chunk = Slice::chunk();
            const bf16* const source = Slice::by_k ? from + (slice * 64 + line) * extent + chunk * 8
                                                   : from + line * k + slice * 64 + chunk * 8;
            implicit_gemm::fetch_chunk(to + Slice::destination(pass), source, 8, true);
        }
    };
    Tile tile;
    implicit_gemm::accumulate(tile, shared, k / 64, [&](bf16* to_a, bf16* to_b, int slice) {
        fetch(to_a, a, slice, typename Tile::A{}, std::integral_constant<int, Tile::rows>{});
        fetch(to_b, b, slice, typename Tile::B{}, std::integral_constant<int, Tile::columns>{});
    });
    tile.for_each([&](int row, int column, const float* sums) {
        c[row * Tile::columns + column] = sums[0];
        c[row * Tile::columns + column + 1] = sums[1];
    });
}

Tensor operand(const std::vector<float>& values, int rows, int columns, bool turned) {
    std::vector<bf16> rounded;
    rounded.reserve(values.size());
    for (int i = 0; i < rows * columns; ++i)
        rounded.emplace_back(values[static_cast<std::size_t>(turned ? i % rows * columns + i / rows : i)]);
    return Tensor::from(rounded, {rows * columns}, Device::emulated);
}

template <int rows, int columns, bool at, bool bt>
std::vector<float> run(const std::vector<float>& a, const std::vector<float>& b, int k) {
    using Tile = implicit_gemm::WarpgroupTile<rows, columns, at, bt>;
    const Tensor ta = operand(a, rows, k, at), tb = operand(b, k, columns, !bt);
    const Tensor c = Tensor::empty({rows * columns}, Dtype::f32, Device::emulated);
    launch("tile", tile_kernel<Tile>, {1, Tile::threads, implicit_gemm::shared_bytes<Tile>}, ta.data<bf16>(),
           tb.data<bf16>(), c.data<float>(), k);
    return c.to_vector<float>();
}

}  // namespace
}  // namespace camber::emulated

namespace camber::testing {
namespace {

struct Entry {
    TileKind kind;
    std::vector<float> (*run)(const std::vector<float>&, const std::vector<float>&, int);
};
#define CAMBER_TILE(rows, columns, at, bt) \
    { {rows, columns, at, bt}, emulated::run<rows, columns, at, bt> }
const Entry entries[] = {
    CAMBER_TILE(256, 128, false, false), CAMBER_TILE(256, 128, false, true), CAMBER_TILE(128, 128, false, false),
    CAMBER_TILE(128, 128, false, true),  CAMBER_TILE(256, 64, false, false), CAMBER_TILE(256, 64, false, true),
    CAMBER_TILE(64, 128, true, true),    CAMBER_TILE(128, 128, true, true),  CAMBER_TILE(256, 128, true, true),
};
#undef CAMBER_TILE

}  // namespace

const std::vector<TileKind>& tile_kinds() {
    static const std::vector<TileKind> kinds = [] {
        std::vector<TileKind> all;
        for (const Entry& entry : entries) all.push_back(entry.kind);
        return all;
    }();
    return kinds;
}

std::vector<float> run_tile(const TileKind& kind, const std::vector<float>& a, const std::vector<float>& b, int k) {
    for (const Entry& entry : entries) {
        const TileKind& of = entry.kind;
        if (of.rows == kind.rows && of.columns == kind.columns && of.a_transposed == kind.a_transposed &&
            of.b_transposed == kind.b_transposed)
            return entry.run(a, b, k);
    }
    return {};
}

}  // namespace camber::testing
