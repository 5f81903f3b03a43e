#pragma once
#include "cuda/kernels/fast_divide.h"
#include "cuda/kernels/matrix.h"
#include "cuda/kernels/numeric.h"

/// The tiled matrix product under every convolution: C[m, n] = sum over k of A[m, k] * B[n, k], whose operands are
/// fetched by the kernel in chunks of 16 bytes, wherever a chunk comes from.
///
/// A block of 128 threads makes a tile of BM x BN outputs. It passes over k in slices of four chunks (32 elements of
/// bf16, 16 of f32); slices arrive by asynchronous copies, several ahead of the one being multiplied. bf16 is
/// multiplied by tensor cores (2 x 2 warps, each making a quarter of the tile), f32 by fused multiply-adds on 16 x 8
/// threads.
///
/// An operand lies in shared memory as it lies in global memory, so that chunks are copied whole: by rows of k
/// (convolution: channels are k) or transposed, by rows of m or n (filter gradient: pixels are k). Chunks are swizzled
/// so that the eight rows of 16 bytes that ldmatrix and 16-byte loads read at a time lie in different banks.
namespace camber::CAMBER_GPU {

namespace implicit_gemm {

inline constexpr int threads = 128;

template <class T>
inline constexpr int depth = 4 * vector_width<T>;  ///< of a slice in k

/// What a kernel has to know of a tile.
template <class T, int BM, int BN>
struct TileTraits {
    using Element = T;
    static constexpr int rows = BM, columns = BN;
    static constexpr int threads = implicit_gemm::threads, depth = implicit_gemm::depth<T>;
    static constexpr int stages = 4;  ///< slices in shared memory: one being multiplied, the others on their way
    static constexpr std::size_t alignment = 16;  ///< of the slices, in bytes
    /// Blocks that a multiprocessor should hold at once, which limits a thread's registers; no more would be without
    /// spills.
    static constexpr int resident = BM * BN > 128 * 64 ? 2 : BM* BN == 128 * 64 && sizeof(T) == 4 ? 3 : 4;
};

__device__ __forceinline__ int thread() { return static_cast<int>(threadIdx.x); }

/// An operand's slice in shared memory, of `rows` m or n: lines of chunks, a line for every row (of k when transposed).
/// The block copies it in `passes`: thread t has chunk t % chunks of lines t / chunks + pass * lines_a_pass.
template <class T, int rows, bool transposed>
struct Slice {
    static constexpr int width = vector_width<T>;
    static constexpr bool by_k = transposed;  ///< lines are of k
    static constexpr int chunks = transposed ? rows / width : 4;
    static constexpr int lines = transposed ? depth<T> : rows;
    static constexpr int lines_a_pass = threads / chunks;
    static constexpr int passes = lines / lines_a_pass;
    static constexpr int elements = rows * depth<T>;

    /// Where a chunk lies, in elements. Lines 8 apart have the same swizzle.
    __device__ static __forceinline__ int at(int line, int chunk) {
        if constexpr (!transposed) return (line * chunks + (chunk ^ (line / 2 % 4))) * width;
        if constexpr (sizeof(T) == 2) return (line * chunks + (chunk ^ line % 8)) * width;
        return (line * chunks + chunk) * width;  // read along the line
    }
    __device__ static __forceinline__ int chunk() { return thread() % chunks; }
    __device__ static __forceinline__ int line(int pass) { return thread() / chunks + pass * lines_a_pass; }
    /// at(line(pass), chunk())
    __device__ static __forceinline__ int destination(int pass) {
        static_assert(lines_a_pass % 8 == 0 || (transposed && sizeof(T) == 4));
        return at(line(0), chunk()) + pass * lines_a_pass * chunks * width;
    }
};

/// Brings `count` (0 or less to a chunk's width) elements into a chunk of shared memory, zeros after them. `vector`:
/// `from` is aligned, and so much as the whole chunk is there if count is positive. `again`: the block will want
/// neighbouring bytes again soon.
template <bool again = false, class T>
__device__ __forceinline__ void fetch_chunk(T* to, const T* from, int count, bool vector) {
    constexpr int width = vector_width<T>;
    if (vector) {
        copy_async<again>(to, from, count > 0 ? 16 : 0);
    } else {
        Vec<T, width> chunk;
#pragma unroll
        for (int i = 0; i < width; ++i) chunk[i] = i < count ? from[i] : from_float<T>(0);
        store(to, chunk);
    }
}

/// A thread's part of a tile's sums. Either operand may lie transposed; of f32 both do or neither does.
template <class T, int BM, int BN, bool a_transposed, bool b_transposed = a_transposed>
struct Tile;

template <int BM, int BN, bool a_transposed, bool b_transposed>
struct Tile<bf16, BM, BN, a_transposed, b_transposed> : TileTraits<bf16, BM, BN> {
    using A = Slice<bf16, BM, a_transposed>;
    using B = Slice<bf16, BN, b_transposed>;
    static constexpr int warps_m = BM == 4 * BN ? 4 : 2, warps_n = 4 / warps_m;
    static constexpr int WM = BM / warps_m, WN = BN / warps_n;  // of a warp
    static constexpr int MT = WM / 16, NT = WN / 8;
    static_assert(NT % 2 == 0);

    float sums[MT][NT][4] = {};

    __device__ static __forceinline__ int lane() { return thread() % 32; }
    __device__ static __forceinline__ int warp_m() { return thread() / 32 / warps_n * WM; }
    __device__ static __forceinline__ int warp_n() { return thread() / 32 % warps_n * WN; }

    /// Where this lane's row of the first 16x16 fragment lies. Operand A wants matrices in the order (row, k), (row +
    /// 8, k), (row, k + 8), (row + 8, k + 8), operand B with the middle ones swapped; both may be stored either way.
    template <class Operand>
    __device__ static __forceinline__ int first_fragment(int row, bool is_b) {
        const int first = lane() / 8 % 2 * 8, second = lane() / 16 * 8;
        const int of_row = is_b ? second : first, of_k = is_b ? first : second;
        return Operand::by_k ? Operand::at(of_k + lane() % 8, (row + of_row) / 8)
                             : Operand::at(row + of_row + lane() % 8, of_k / 8);
    }
    /// The same of the fragment `i` further in rows and k. The first one's chunk is even, or odd in its lowest bit
    /// alone, so that adding an even number of chunks is an exclusive or, swizzled or not.
    template <class Operand>
    __device__ static __forceinline__ void load_fragment(unsigned (&fragment)[4], const bf16* slice, int first, int i,
                                                         int k) {
        if constexpr (Operand::by_k) {
            load_matrix_x4<true>(fragment, slice + (first ^ i * 16) + k * Operand::chunks * 8);
        } else {
            load_matrix_x4(fragment, slice + (first ^ k) + i * 16 * Operand::chunks * 8);
        }
    }

    __device__ __forceinline__ void multiply(const bf16* a, const bf16* b) {
        const int first_a = first_fragment<A>(warp_m(), false), first_b = first_fragment<B>(warp_n(), true);
#pragma unroll
        for (int k = 0; k < depth<bf16>; k += 16) {
            unsigned fa[MT][4], fb[NT / 2][4];
#pragma unroll
            for (int i = 0; i < MT; ++i) load_fragment<A>(fa[i], a, first_a, i, k);
#pragma unroll
            for (int j = 0; j < NT / 2; ++j) load_fragment<B>(fb[j], b, first_b, j, k);
#pragma unroll
            for (int i = 0; i < MT; ++i)
#pragma unroll
                for (int j = 0; j < NT; ++j) {
                    const unsigned pair[2] = {fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]};
                    mma_bf16(sums[i][j], fa[i], pair);
                }
        }
    }

    static constexpr int group = 2;
    /// Calls f(row, column, sums) for every `group` sums side by side, which f may change.
    template <class F>
    __device__ __forceinline__ void for_each(F&& f) {
#pragma unroll
        for (int i = 0; i < MT; ++i)
#pragma unroll
            for (int j = 0; j < NT; ++j)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    f(warp_m() + i * 16 + half * 8 + lane() / 4, warp_n() + j * 8 + lane() % 4 * 2,
                      &sums[i][j][half * 2]);
    }
};

template <int BM, int BN>
struct Tile<float, BM, BN, false, false> : TileTraits<float, BM, BN> {
    using A = Slice<float, BM, false>;
    using B = Slice<float, BN, false>;
    static constexpr int MT = BM / 16, NT = BN / 8;  // a thread's rows are 16 apart, its columns 8

    float sums[MT][NT] = {};

    __device__ static __forceinline__ int first_row() { return thread() / 8; }
    __device__ static __forceinline__ int first_column() { return thread() % 8; }

    __device__ __forceinline__ void multiply(const float* a, const float* b) {
#pragma unroll 1  // more costs registers, hence blocks
        for (int chunk = 0; chunk < A::chunks; ++chunk) {
            Vec<float, 4> u[MT];
#pragma unroll
            for (int i = 0; i < MT; ++i) u[i] = load<4>(a + A::at(first_row(), chunk) + i * 16 * A::chunks * 4);
#pragma unroll
            for (int j = 0; j < NT; ++j) {
                const Vec<float, 4> v = load<4>(b + B::at(first_column(), chunk) + j * 8 * B::chunks * 4);
#pragma unroll
                for (int k = 0; k < 4; ++k)
#pragma unroll
                    for (int i = 0; i < MT; ++i) sums[i][j] += u[i][k] * v[k];
            }
        }
    }

    static constexpr int group = 1;
    template <class F>
    __device__ __forceinline__ void for_each(F&& f) {
#pragma unroll
        for (int i = 0; i < MT; ++i)
#pragma unroll
            for (int j = 0; j < NT; ++j) f(first_row() + i * 16, first_column() + j * 8, &sums[i][j]);
    }
};

template <int BM, int BN>
struct Tile<float, BM, BN, true, true> : TileTraits<float, BM, BN> {
    using A = Slice<float, BM, true>;
    using B = Slice<float, BN, true>;
    static constexpr int MT = BM / 64, NT = BN / 32;  // chunks of rows, 64 apart, and of columns, 32 apart

    float sums[MT * 4][NT * 4] = {};

    __device__ static __forceinline__ int first_row() { return thread() / 8; }
    __device__ static __forceinline__ int first_column() { return thread() % 8; }

    __device__ __forceinline__ void multiply(const float* a, const float* b) {
#pragma unroll 4
        for (int k = 0; k < depth<float>; ++k) {
            Vec<float, 4> u[MT], v[NT];
#pragma unroll
            for (int i = 0; i < MT; ++i) u[i] = load<4>(a + A::at(k, first_row() + i * 16));
#pragma unroll
            for (int j = 0; j < NT; ++j) v[j] = load<4>(b + B::at(k, first_column() + j * 8));
#pragma unroll
            for (int i = 0; i < MT * 4; ++i)
#pragma unroll
                for (int j = 0; j < NT * 4; ++j) sums[i][j] += u[i / 4][i % 4] * v[j / 4][j % 4];
        }
    }

    static constexpr int group = 1;
    template <class F>
    __device__ __forceinline__ void for_each(F&& f) {
#pragma unroll
        for (int i = 0; i < MT * 4; ++i)
#pragma unroll
            for (int j = 0; j < NT * 4; ++j)
                f(first_row() * 4 + i / 4 * 64 + i % 4, first_column() * 4 + j / 4 * 32 + j % 4, &sums[i][j]);
    }
};

/// Adds `slices` slices of products to the tile's sums: fetch(a, b, i) starts the copy of slice i. Shared memory is
/// free for other use when this returns.
template <class Tile, class T, class Fetch>
__device__ __forceinline__ void accumulate(Tile& tile, T* shared, int slices, Fetch&& fetch) {
    constexpr int stage = Tile::A::elements + Tile::B::elements, stages = Tile::stages;
    const auto start = [&](int slice) {
        if (slice < slices) {
            T* const at = shared + slice % stages * stage;
            fetch(at, at + Tile::A::elements, slice);
        }
        commit_copies();
    };
#pragma unroll
    for (int slice = 0; slice < stages - 1; ++slice) start(slice);
    for (int slice = 0; slice < slices; ++slice) {
        wait_copies<stages - 2>();
        __syncthreads();  // the slice is here, and the last one has been multiplied: its place is free
        start(slice + stages - 1);
        const T* const at = shared + slice % stages * stage;
        tile.multiply(at, at + Tile::A::elements);
    }
    wait_copies<0>();
    __syncthreads();
}

/// Dynamic shared memory of a kernel that calls accumulate().
template <class Tile>
inline constexpr std::size_t shared_bytes =
    (Tile::A::elements + Tile::B::elements) * Tile::stages * sizeof(typename Tile::Element) + Tile::alignment - 16;
/// Where in it the slices begin.
template <class Tile>
__device__ __forceinline__ typename Tile::Element* slices() {
    using T = typename Tile::Element;
    T* const begin = dynamic_shared<T>();
    if constexpr (Tile::alignment == 16) return begin;
    const std::size_t over = shared_address(begin) % Tile::alignment;
    return begin + (over ? (Tile::alignment - over) / sizeof(T) : 0);
}

/// Throws unless offsets into one image and the number of pixels fit in an int.
inline void check_extents(const char* op, const Tensor& image) {
    constexpr std::int64_t limit = 0x7fffffff;
    if (image.numel() / image.dim(3) > limit || image.dim(1) * image.dim(2) * image.dim(3) > limit)
        fail("{}: {} has more pixels, or an image of it more elements, than the {} device computes with", op,
             image.shape().str(), name(this_device));
}

}  // namespace implicit_gemm
}  // namespace camber::CAMBER_GPU
