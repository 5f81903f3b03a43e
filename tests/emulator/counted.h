#pragma once
#include "cuda/emulator/counts.h"

/// Kernels whose memory traffic is known by hand, run by the emulator and counted.
namespace camber::testing {

/// A warp reads f32 from global memory: lane i element begin + i * stride.
emulator::LaunchCounts count_strided(int begin, int stride);
/// A warp reads lane i's four floats, 16 bytes, that begin at element 4 * i.
emulator::LaunchCounts count_float4();
/// Lanes 0 to `lanes` - 1 of a warp write an element each.
emulator::LaunchCounts count_divergent(int lanes);
/// Lane i of a warp goes i + 1 times through a loop that reads an element.
emulator::LaunchCounts count_uneven_loop();
/// Four rounds of a loop, in whose branch the lanes below 24, 16, 8 and none read an element.
emulator::LaunchCounts count_branch_in_loop();
/// Two rounds of a loop, in which all lanes copy 16 bytes asynchronously, from memory the first 8 and 9 of them.
emulator::LaunchCounts count_cut_copies();
/// A warp reads f32 from shared memory: lane i element i * stride.
emulator::LaunchCounts count_shared(int stride);
/// The same of 8 and 16 bytes a lane, side by side.
emulator::LaunchCounts count_shared_float2();
emulator::LaunchCounts count_shared_float4();
/// A warp transposes a 32x32 tile of f32 in shared memory: rows of `pitch` elements, whose columns are exchanged by
/// column ^ row where `swizzled`. Writes rows, reads columns.
emulator::LaunchCounts count_transpose(int pitch, bool swizzled);
/// ldmatrix of four 8x8 matrices in rows of 128 bytes, 16-byte chunk c of row r at c ^ (r % 8) where `swizzled`.
emulator::LaunchCounts count_load_matrix(bool swizzled);
/// Two blocks of two warps: two barriers, three shuffles and a product a warp, 16 bytes copied asynchronously a lane.
emulator::LaunchCounts count_operations();

}  // namespace camber::testing
