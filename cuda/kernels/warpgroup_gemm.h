#pragma once
#include <algorithm>

#include "core/environment.h"
#include "cuda/kernels/implicit_gemm.h"
#include "cuda/kernels/warpgroup.h"
#include "cuda/runtime/runtime.h"

/// The tiled product of implicit_gemm.h by warpgroups (sm_90a), of bf16. Two warpgroups make a tile; slices are 64 deep
/// in k, and the next one's copies are started while the tensor cores multiply the last two.
namespace camber::CAMBER_GPU::implicit_gemm {

/// Whether the device has such products, this build the code for it, and CAMBER_WARPGROUPS=0 is not set (to compare).
inline bool has_warpgroup_products() {
#if defined(CAMBER_EMULATED) || defined(CAMBER_WITH_SM90A)
    const DeviceProperties& device = device_properties();
    return device.compute_major == 9 && device.compute_minor == 0 && environment_flag("CAMBER_WARPGROUPS", true);
#else
    return false;
#endif
}

/// An operand's slice in shared memory: rows of 128 bytes (SharedMatrix), of k or, transposed, of 64 m or n, with all
/// k of the next 64 after them.
template <int rows, bool transposed>
struct WideSlice {
    static constexpr int width = vector_width<bf16>, threads = 256, depth = 64;
    static constexpr bool by_k = transposed;  ///< lines are of k
    static constexpr int chunks = transposed ? rows / width : depth / width;
    static constexpr int lines = transposed ? depth : rows;
    static constexpr int lines_a_pass = threads / chunks;
    static constexpr int passes = lines / lines_a_pass;
    static constexpr int elements = rows * depth;
    static constexpr int block_bytes = depth * 128;  ///< of 64 m or n, transposed

    __device__ static __forceinline__ int at(int line, int chunk) {
        return chunk / 8 * (block_bytes / 2) + (line * 8 + (chunk % 8 ^ line % 8)) * width;
    }
    __device__ static __forceinline__ int chunk() { return thread() % chunks; }
    __device__ static __forceinline__ int line(int pass) { return thread() / chunks + pass * lines_a_pass; }
    __device__ static __forceinline__ int destination(int pass) {
        static_assert(lines_a_pass % 8 == 0);
        return at(line(0), chunk()) + pass * lines_a_pass * 64;
    }
    /// What an instruction reads: from m or n `row` (a multiple of 64) and k (of 16) on.
    __device__ static __forceinline__ SharedMatrix matrix(const bf16* slice, int row, int k) {
        // Rows are 64 elements, and so are blocks of 64 rows: the same distance either way.
        return shared_matrix(slice + row * depth + (transposed ? k * 64 : k), block_bytes);
    }
};

/// A thread's part of a tile's sums. `blocks`: that a multiprocessor is to hold at once, one or two.
template <int BM, int BN, bool a_transposed, bool b_transposed, int blocks = 1>
struct WarpgroupTile {
    using Element = bf16;
    using A = WideSlice<BM, a_transposed>;
    using B = WideSlice<BN, b_transposed>;
    static constexpr int rows = BM, columns = BN, threads = A::threads, depth = A::depth;
    static constexpr int groups_m = BM == 64 ? 1 : 2, groups_n = 2 / groups_m;
    static constexpr int WM = BM / groups_m, WN = BN / groups_n;  // of a warpgroup
    static constexpr int instruction_n = WN % 128 == 0 ? 128 : 64;
    static constexpr int MT = WM / 64, NT = WN / instruction_n;
    static constexpr int stage = A::elements + B::elements;
    static constexpr int resident = blocks;
    /// Slices in shared memory: two being multiplied, the others on their way. What is left is the L1 cache, which
    /// serves a convolution's neighbouring taps.
    static constexpr int stages = std::min(4, 100 * 1024 / (2 * stage) * (3 - blocks));
    static constexpr std::size_t alignment = 1024;  ///< of the slices

    float sums[MT][NT][instruction_n / 2];

    __device__ static __forceinline__ int group_m() { return thread() / 128 / groups_n * WM; }
    __device__ static __forceinline__ int group_n() { return thread() / 128 % groups_n * WN; }

    /// Queues the products of a slice, as a group; without `add` the sums are of this slice alone. (Zeros to begin
    /// with, which threads write, would have the compiler wait for every product by itself.)
    __device__ __forceinline__ void multiply(const bf16* a, const bf16* b, bool add) {
        begin_products();
#pragma unroll
        for (int i = 0; i < MT; ++i)
#pragma unroll
            for (int j = 0; j < NT; ++j)
#pragma unroll
                for (int k = 0; k < depth; k += 16)
                    queue_product<a_transposed, b_transposed>(sums[i][j], A::matrix(a, group_m() + i * 64, k),
                                                              B::matrix(b, group_n() + j * instruction_n, k),
                                                              add || k > 0);
        commit_products();
    }

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < MT; ++i)
#pragma unroll
            for (int j = 0; j < NT; ++j)
#pragma unroll
                for (float& sum : sums[i][j]) sum = 0;
    }

    static constexpr int group = 2;
    template <class F>
    __device__ __forceinline__ void for_each(F&& f) {
        const int row = group_m() + thread() % 128 / 32 * 16 + thread() % 32 / 4;
        const int column = group_n() + thread() % 4 * 2;
#pragma unroll
        for (int i = 0; i < MT; ++i)
#pragma unroll
            for (int j = 0; j < NT; ++j)
#pragma unroll
                for (int at = 0; at < instruction_n / 2; at += 2)
                    f(row + i * 64 + at / 2 % 2 * 8, column + j * instruction_n + at / 4 * 8, &sums[i][j][at]);
    }
};

/// accumulate() of such a tile.
template <int BM, int BN, bool a_transposed, bool b_transposed, int blocks, class Fetch>
__device__ __forceinline__ void accumulate(WarpgroupTile<BM, BN, a_transposed, b_transposed, blocks>& tile,
                                           bf16* shared, int slices, Fetch&& fetch) {
    using Tile = WarpgroupTile<BM, BN, a_transposed, b_transposed, blocks>;
    const auto start = [&](int slice) {
        if (slice < slices) {
            bf16* const at = shared + slice % Tile::stages * Tile::stage;
            fetch(at, at + Tile::A::elements, slice);
        }
        commit_copies();
    };
#pragma unroll
    for (int slice = 0; slice < Tile::stages - 2; ++slice) start(slice);
    for (int slice = 0; slice < slices; ++slice) {
        wait_copies<Tile::stages - 3>();
        show_to_tensor_cores();
        __syncthreads();  // the slice is here, and the one before the last has been multiplied: its place is free
        const bf16* const at = shared + slice % Tile::stages * Tile::stage;
        tile.multiply(at, at + Tile::A::elements, slice > 0);
        start(slice + Tile::stages - 2);
        wait_products<1>();
    }
    wait_products<0>();
    if (slices == 0) tile.clear();
    wait_copies<0>();
    __syncthreads();
}

}  // namespace camber::CAMBER_GPU::implicit_gemm
