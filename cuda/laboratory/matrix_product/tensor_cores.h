#pragma once
#include "cuda/kernels/matrix.h"
#include "cuda/kernels/numeric.h"

/// What versions on tensor cores share: 64x64 outputs a block of four warps, each of which has 32x32 of them by
/// mma.sync; slices of 64 in k, whose rows of 128 bytes lie side by side in shared memory.
namespace camber::CAMBER_GPU {
namespace {

constexpr int tile = 64, depth = 64, threads = 128, chunk = 8;  // chunk: elements of 16 bytes
constexpr int slice_elements = tile * depth;

/// Where chunk c of row r is. Rows are 32 banks long, so chunk c of all rows is on the same four banks; swizzled, it is
/// on four others in each of eight rows.
template <bool swizzled>
__device__ __forceinline__ int place(int row, int c) {
    return row * depth + (swizzled ? c ^ (row % 8) : c) * chunk;
}

/// Queues the copies of a slice: 64 rows of eight chunks, four chunks a thread.
template <bool swizzled>
__device__ void fetch(const bf16* from, int stride, bf16* to) {
#pragma unroll
    for (int k = 0; k < tile * depth / chunk / threads; ++k) {
        const int i = static_cast<int>(threadIdx.x) + k * threads, row = i / (depth / chunk), c = i % (depth / chunk);
        copy_async(to + place<swizzled>(row, c), from + row * stride + c * chunk);
    }
}

/// sum += this warp's part of a slice of a times one of b. sum: [two of 16 rows][four of 8 columns].
template <bool swizzled>
__device__ void multiply(const bf16* a, const bf16* b, float (&sum)[2][4][4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int row = warp / 2 * 32, column = warp % 2 * 32;
#pragma unroll
    for (int k = 0; k < depth / chunk; k += 2) {  // 16 columns of a
        unsigned fa[2][4], fb[2][4];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            load_matrix_x4(fa[i], a + place<swizzled>(row + i * 16 + lane % 16, k + lane / 16));
            load_matrix_x4(fb[i], b + place<swizzled>(column + i * 16 + lane / 16 * 8 + lane % 8, k + lane / 8 % 2));
        }
#pragma unroll
        for (int i = 0; i < 2; ++i)
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const unsigned pair[2] = {fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]};
                mma_bf16(sum[i][j], fa[i], pair);
            }
    }
}

/// This warp's sums to a matrix whose rows have n elements, two neighbours at a time.
__device__ inline void leave(bf16* to, int n, int block_row, int block_column, const float (&sum)[2][4][4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int row = block_row + warp / 2 * 32 + lane / 4, column = block_column + warp % 2 * 32 + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                Vec<bf16, 2> pair;
                pair[0] = from_float<bf16>(sum[i][j][2 * half]);
                pair[1] = from_float<bf16>(sum[i][j][2 * half + 1]);
                store<2>(to + (row + i * 16 + half * 8) * n + column + j * 8, pair);
            }
}

}  // namespace
}  // namespace camber::CAMBER_GPU
