#pragma once
#include <vector>

/// Small kernels whose results are known, run by the emulator.
namespace camber::testing {

/// Every thread of a 3-D grid of 3-D blocks writes its own linear index.
std::vector<int> run_indices();

/// What each lane of a warp gets from every warp operation, [operation][lane].
struct WarpResults {
    std::vector<int> shuffle, up, down, exclusive_or, segmented, ballot, match, odd_lanes;
};
WarpResults run_warp_operations();

/// {sum, maximum, minimum, number of distinct tickets} that many blocks leave by integer atomics.
std::vector<int> run_atomics(int blocks);

/// a [16, 16] x b [16, 8] by load_matrix_x4 and mma_bf16.
std::vector<float> run_matrix_product(const std::vector<float>& a, const std::vector<float>& b);

/// The sum of 1..count over a block, as every thread sees it.
std::vector<float> run_block_sum();

/// 16-byte asynchronous copies of x in two groups, `valid` bytes of each.
std::vector<float> run_copies(const std::vector<float>& x, int valid);

}  // namespace camber::testing
