#pragma once
#include <vector>

/// Products by warpgroups, run by the emulator.
namespace camber::testing {

/// What a tile of warpgroup_gemm.h is made of.
struct TileKind {
    int rows, columns;
    bool a_transposed, b_transposed;
};
/// The tiles that kernels are compiled with, and others.
const std::vector<TileKind>& tile_kinds();

/// a b for a [rows, k] and b [k, columns], row by row; k is a multiple of 64.
std::vector<float> run_tile(const TileKind& kind, const std::vector<float>& a, const std::vector<float>& b, int k);

}  // namespace camber::testing
