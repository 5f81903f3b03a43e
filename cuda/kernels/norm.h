#pragma once
#include <cmath>
#include <numeric>

#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"

/// What the kernels of batch normalisation share: how they cut a tensor, and sums over its rows.
///
/// The tensor [rows, channels] is read as flat vectors of `width` elements whose channels repeat after `period`
/// vectors, so accesses are of 16 bytes and coalesced for every number of channels (period 3 for 3 channels of bf16).
/// A block takes `columns` vectors of `rows` periods side by side; a thread stays in its column, and so keeps what
/// belongs to its `width` channels in registers. A lane is an element of a period: lane i is of channel i % channels.
namespace camber::CAMBER_GPU {

struct NormLayout {
    static constexpr int threads = 256;
    static constexpr int blocks_per_multiprocessor = 4;  ///< what the kernels' registers allow

    std::int64_t vectors, periods;  ///< of the tensor; the last period may be short
    int width, period, columns, rows, channels;
    unsigned blocks, tiles;  ///< grid.x along periods, grid.y along columns

    NormLayout(const Tensor& x, int widest, bool aligned) : channels(static_cast<int>(x.shape().back())) {
        width = aligned && x.numel() % widest == 0 ? widest : 1;
        vectors = x.numel() / width;
        period = channels / std::gcd(channels, width);
        periods = (vectors + period - 1) / period;
        tiles = static_cast<unsigned>((period + threads - 1) / threads);
        columns = (period + static_cast<int>(tiles) - 1) / static_cast<int>(tiles);
        rows = threads / columns;
        constexpr int least = 4;  // vectors a thread
        const std::int64_t resident = std::int64_t{device_properties().multiprocessors} * blocks_per_multiprocessor;
        blocks = blocks_for(periods, std::int64_t{rows} * least, std::max<std::int64_t>(1, resident / tiles));
    }

    LaunchShape shape() const { return {{blocks, tiles}, threads}; }
    std::int64_t elements_per_channel() const { return vectors * width / channels; }
    __host__ __device__ int lanes() const { return period * width; }

    /// Vectors of `column` among the periods that statistics of `block` are over, counted from the last period.
    __device__ std::int64_t height(unsigned block, int column) const {
        const std::int64_t round = std::int64_t{rows} * blocks, rest = periods % round - std::int64_t{block} * rows;
        const std::int64_t whole = periods / round * rows + (rest < 0 ? 0 : rest < rows ? rest : rows);
        return whole - (block == 0 && (periods - 1) * period + column >= vectors ? 1 : 0);
    }
};

/// Where a thread works.
struct NormThread {
    int row, column;           ///< within the block's rows, within the period
    int first_lane, lanes;     ///< the block's
    bool active;               ///< else it has no column
    std::int64_t first, step;  ///< its first vector, and from there to the next

    __device__ explicit NormThread(const NormLayout& at) {
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
    __device__ std::int64_t first_from_end(const NormLayout& at) const {
        const std::int64_t mirrored = (at.periods - 1) * at.period + 2 * column - first;
        return mirrored < at.vectors ? mirrored : mirrored - step;
    }
};

/// What a thread normalises its channels with: output = (x - mean) * scale + beta, scale = gamma * invstd.
struct NormChannels {
    const float *mean, *invstd, *variance, *gamma, *beta;  ///< invstd or, with eps, variance; the other is null
    float eps;

    __device__ float inverse_deviation(int channel) const {
        return invstd ? invstd[channel] : 1.0f / std::sqrt(variance[channel] + eps);
    }
};

template <int width>
struct NormAffine {
    float mean[width], scale[width], beta[width];

    __device__ NormAffine(const NormChannels& from, int channels, int column) {
        int channel = static_cast<int>(static_cast<std::int64_t>(column) * width % channels);
#pragma unroll
        for (int j = 0; j < width; ++j) {
            mean[j] = from.mean[channel];
            scale[j] = from.gamma[channel] * from.inverse_deviation(channel);
            beta[j] = from.beta[channel];
            if (++channel == channels) channel = 0;
        }
    }
    __device__ __forceinline__ float output(int j, float x) const { return fmaf(x - mean[j], scale[j], beta[j]); }
};

/// Sums `first` and `second` [rows][lanes], in shared memory, over rows; the results are their first rows. Call after a
/// barrier; there is one after the results.
__device__ __forceinline__ void sum_block_rows(float* first, float* second, int rows, int lanes) {
    while (rows > 1) {
        const int half = (rows + 1) / 2, count = (rows - half) * lanes;
        for (int i = static_cast<int>(threadIdx.x); i < count; i += NormLayout::threads) {
            first[i] += first[i + half * lanes];
            second[i] += second[i + half * lanes];
        }
        __syncthreads();
        rows = half;
    }
}

struct NormSums {
    double first = 0, second = 0;
};

/// Blocks that finish a per-channel sum have a thread for each of 8 channels and 32 slices of the partial sums.
inline constexpr int finish_channels = 8;

/// The sum of add(sums, block, lane) over a channel's partial sums, in threads 0 to finish_channels - 1. The channel is
/// blockIdx.x * finish_channels + threadIdx.x % finish_channels.
template <class Add>
__device__ __forceinline__ NormSums sum_partials(const NormLayout& at, Add add) {
    constexpr int threads = NormLayout::threads, warps = threads / 32, slices = threads / finish_channels;
    SHARED_MEMORY(partial, double[warps][finish_channels][2]);
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, slot = thread % finish_channels;
    const int channel = static_cast<int>(blockIdx.x) * finish_channels + slot;
    NormSums sums;
    if (channel < at.channels)
        for (int lane = channel; lane < at.lanes(); lane += at.channels) {
#pragma unroll 4
            for (unsigned block = static_cast<unsigned>(thread / finish_channels); block < at.blocks; block += slices)
                add(sums, block, lane);
        }
#pragma unroll
    for (int offset = finish_channels; offset < 32; offset *= 2) {
        sums.first += __shfl_xor_sync(full_mask, sums.first, offset);
        sums.second += __shfl_xor_sync(full_mask, sums.second, offset);
    }
    if (thread % 32 < finish_channels) {
        partial[warp][slot][0] = sums.first;
        partial[warp][slot][1] = sums.second;
    }
    __syncthreads();
    sums = {};
    if (thread < finish_channels)
        for (int w = 0; w < warps; ++w) {
            sums.first += partial[w][slot][0];
            sums.second += partial[w][slot][1];
        }
    return sums;
}

/// Calls f(std::integral_constant<int, n>{}) with n = `widest` where the layout has whole vectors, else 1.
template <int widest, class F>
void with_width(const NormLayout& at, F&& f) {
    if (at.width == widest)
        f(std::integral_constant<int, widest>{});
    else
        f(std::integral_constant<int, 1>{});
}

}  // namespace camber::CAMBER_GPU
