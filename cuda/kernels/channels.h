#pragma once
#include <numeric>

#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"
#include "cuda/runtime/arrivals.h"

/// Sums of every channel of a tensor over all its pixels.
///
/// The tensor [rows, channels] is read as flat vectors of `width` elements whose channels repeat after `period`
/// vectors, so accesses are of 16 bytes and coalesced for every number of channels (period 3 for 3 channels of bf16).
/// A block takes `columns` vectors of `rows` periods side by side; a thread stays in its column, and so keeps what
/// belongs to its `width` channels in registers. A lane is an element of a period: lane i is of channel i % channels.
/// Blocks leave their sums in global memory; the one that comes last adds them, in an order that is always the same.
namespace camber::CAMBER_GPU {

struct ChannelLayout {
    static constexpr int threads = 256;  ///< of a block, unless a kernel says otherwise
    /// Of a block, so that it has rows to sum, and a tile's last one few channels of few blocks to finish: a chain of
    /// reads that nothing else hides. Of bf16 they are a cache line still.
    static constexpr int most_lanes = 64;

    std::int64_t vectors, periods;  ///< of the tensor; the last period may be short
    int full_rounds = 0;            ///< times rows: periods of every block
    int rest = 0;                   ///< periods beyond those, the first block's first
    int width, period, columns, rows, channels, block_threads;
    unsigned blocks = 0, tiles;  ///< grid.x along periods, grid.y along columns

    ChannelLayout(std::int64_t elements, int channel_count, int vector_width, int threads_of_a_block = threads)
        : channels(channel_count), block_threads(threads_of_a_block) {
        width = vector_width;
        vectors = elements / width;
        period = channels / std::gcd(channels, width);
        periods = (vectors + period - 1) / period;
        const int most_columns = most_lanes / width;
        tiles = static_cast<unsigned>((period + most_columns - 1) / most_columns);
        columns = (period + static_cast<int>(tiles) - 1) / static_cast<int>(tiles);
        rows = block_threads / columns;
    }
    ChannelLayout(const Tensor& x, int widest, bool aligned, int threads_of_a_block = threads)
        : ChannelLayout(x.numel(), static_cast<int>(x.shape().back()), aligned && x.numel() % widest == 0 ? widest : 1,
                        threads_of_a_block) {}

    /// The grid for `kernel`: no more blocks than the device holds at once, unless that leaves a thread too little.
    template <class... Parameters>
    LaunchShape shape(void (*kernel)(Parameters...)) {
        constexpr int least = 4;  // vectors a thread
        blocks = blocks_for(periods, std::int64_t{rows} * least,
                            std::max<std::int64_t>(1, resident_blocks(kernel, block_threads) / tiles));
        const std::int64_t round = std::int64_t{rows} * blocks;
        full_rounds = static_cast<int>(periods / round * rows);  // a block has less than 2^31 periods of 16 bytes
        rest = static_cast<int>(periods % round);
        return {{blocks, tiles}, dim3(static_cast<unsigned>(block_threads))};
    }
    std::int64_t elements_per_channel() const { return vectors * width / channels; }
    __host__ __device__ int lanes() const { return period * width; }

    /// Whether `column` has no vector in the last period.
    __device__ __forceinline__ bool short_column(int column) const {
        return (periods - 1) * period + column >= vectors;
    }
    /// Vectors of a column among the periods that statistics of `block` are over, counted from the last period.
    __device__ __forceinline__ int height(unsigned block, bool is_short) const {
        const int more = rest - static_cast<int>(block) * rows;
        return full_rounds + max(0, min(more, rows)) - (block == 0 && is_short ? 1 : 0);
    }
};

/// Where a thread works.
struct ChannelThread {
    int row, column;           ///< within the block's rows, within the period
    int first_lane, lanes;     ///< the block's
    bool active;               ///< else it has no column
    std::int64_t first, step;  ///< its first vector, and from there to the next

    __device__ explicit ChannelThread(const ChannelLayout& at) {
        const int thread = static_cast<int>(threadIdx.x), begin = static_cast<int>(blockIdx.y) * at.columns;
        const int columns = at.period - begin < at.columns ? at.period - begin : at.columns;
        row = thread / at.columns;
        column = begin + thread % at.columns;
        first_lane = begin * at.width;
        lanes = columns * at.width;
        active = row < at.rows && column < begin + columns;
        first = (static_cast<std::int64_t>(blockIdx.x) * at.rows + row) * at.period + column;
        step = static_cast<std::int64_t>(gridDim.x) * at.rows * at.period;
    }
    /// The first vector when periods are taken from the last to the first.
    __device__ std::int64_t first_from_end(const ChannelLayout& at) const {
        const std::int64_t mirrored = (at.periods - 1) * at.period + 2 * column - first;
        return mirrored < at.vectors ? mirrored : mirrored - step;
    }
};

/// Sums `first` and `second` [rows][lanes], in shared memory, over rows; the results are their first rows. Call after a
/// barrier; there is one after the results.
__device__ __forceinline__ void sum_block_rows(float* first, float* second, int rows, int lanes) {
    while (rows > 1) {
        const int half = (rows + 1) / 2, count = (rows - half) * lanes;
        for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
            first[i] += first[i + half * lanes];
            second[i] += second[i + half * lanes];
        }
        __syncthreads();
        rows = half;
    }
}

struct ChannelSums {
    double first = 0, second = 0;
};

/// Partial sums of the lanes of every block, in global memory, and the count of blocks that have left theirs.
struct ChannelPartials {
    float2* sums;  ///< [blocks][lanes]
    unsigned* arrived;

    __device__ __forceinline__ void leave(const ChannelLayout& at, int lane, float first, float second) const {
        sums[static_cast<std::int64_t>(blockIdx.x) * at.lanes() + lane] = make_float2(first, second);
    }
};

/// Memory for them.
struct ChannelScratch {
    Tensor memory;
    ChannelPartials partials;

    explicit ChannelScratch(const ChannelLayout& at)
        : memory(Tensor::empty({std::int64_t{at.blocks} * at.lanes() * 2}, Dtype::f32, this_device)),
          partials{reinterpret_cast<float2*>(memory.data<float>()), arrival_counters()} {
        if (at.tiles > arrival_counter_count)
            fail("{} channels are more than the {} device sums", at.channels, name(this_device));
    }
};

/// In the block that leaves its partial sums last, and sees those of all others, calls finish(channel, sums) for every
/// channel, in a thread of its own: sums of what adder(channel, lane)(sums, block, partial sums of the lane) adds, for
/// every lane of the channel in every block. `scratch` is shared memory for two doubles a thread. Where channels are
/// whole vectors a tile's channels are finished by its own last block.
template <class Adder, class Finish>
__device__ __forceinline__ void finish_channels(const ChannelLayout& at, const ChannelThread& self,
                                                const ChannelPartials& partials, double* scratch, Adder adder,
                                                Finish finish) {
    constexpr int batch = 11;  // of reads in flight
    const int threads = at.block_threads;
    const bool by_tile = at.lanes() == at.channels;
    const unsigned blocks = by_tile ? at.blocks : at.blocks * at.tiles;
    if (!last_to_arrive(partials.arrived + (by_tile ? blockIdx.y : 0), blocks)) return;
    const int thread = static_cast<int>(threadIdx.x);
    const int begin = by_tile ? self.first_lane : 0, end = by_tile ? begin + self.lanes : at.channels;
    for (int first = begin; first < end; first += threads) {
        const int here = end - first < threads ? end - first : threads, slices = threads / here;
        const int channel = first + thread % here, slice = thread / here;
        ChannelSums sums;
        if (slice < slices)
            for (int lane = channel; lane < at.lanes(); lane += at.channels) {
                const auto add = adder(channel, lane);
                for (unsigned block = static_cast<unsigned>(slice); block < at.blocks;
                     block += static_cast<unsigned>(batch * slices)) {
                    float2 left[batch] = {};
#pragma unroll
                    for (int k = 0; k < batch; ++k)
                        if (const unsigned b = block + static_cast<unsigned>(k * slices); b < at.blocks)
                            left[k] = from_other_block(partials.sums + std::int64_t{b} * at.lanes() + lane);
#pragma unroll
                    for (int k = 0; k < batch; ++k)
                        if (const unsigned b = block + static_cast<unsigned>(k * slices); b < at.blocks)
                            add(sums, b, left[k]);
                }
            }
        scratch[thread] = sums.first;
        scratch[threads + thread] = sums.second;
        __syncthreads();
        if (thread < here) {
            for (int k = 1; k < slices; ++k) {
                sums.first += scratch[k * here + thread];
                sums.second += scratch[threads + k * here + thread];
            }
            finish(channel, sums);
        }
        __syncthreads();
    }
}

/// Calls f(std::integral_constant<int, n>{}) with n = `widest` where the layout has whole vectors, else 1.
template <int widest, class F>
void with_width(const ChannelLayout& at, F&& f) {
    if (at.width == widest)
        f(std::integral_constant<int, widest>{});
    else
        f(std::integral_constant<int, 1>{});
}

}  // namespace camber::CAMBER_GPU
