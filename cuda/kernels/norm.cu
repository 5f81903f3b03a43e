/// Batch normalisation over all but the last axis, forward.
///
///   y = [relu]((x - mean_c) * gamma_c * invstd_c + beta_c [+ residual]),  invstd_c = 1 / sqrt(var_c + eps)
///
/// Layout: see channels.h. Bytes of a training step: x twice, y once; for [16, 256, 256, 64] of bf16 3 * 134 MB, 0.12
/// ms at 3.35 TB/s; some four operations an element each way. With a residual one read more, where an addition of its
/// own would cost three.
///
/// Strategy, two kernels.
/// Statistics: a thread sums deviations, and their squares, from the first value that it meets in each of its channels,
/// so that nothing cancels however far the mean is from zero; a block brings its threads to the mean of one of them,
/// sums over its rows, and leaves mean and sum of squared deviations. The block that comes last merges those as Chan,
/// Golub and LeVeque (1979) do, in f64, in a fixed order, and updates the running statistics. Apply, for whole windows
/// where the maxima of windows are wanted too (norm_pool.cu). The first reads the tensor from its end and the last from
/// its beginning: each begins with what its predecessor left in the L2 cache.
///
/// Of a batch that several processes share (core/batch_share.h) the statistics end with the share's sums, around a
/// number that all have; what those are over all shares becomes the statistics in a kernel of a thread a channel.
#include "cuda/kernels/norm.h"

#include "backend/shared_sums.h"
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/norm_pool.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = ChannelLayout::threads, resident = 4;  // blocks a multiprocessor

/// What the statistics of a batch become. A null offset is zero.
struct BatchStatistics {
    float *mean, *invstd, *running_mean, *running_var;
    const float* offset;
    double eps, momentum, elements, correction;
    double* shared;  ///< [2][channels]; null: the batch is all here
    int channels;

    /// Near the mean, and the same in all processes.
    __device__ double common(int channel) const {
        return static_cast<double>(running_mean[channel] - (offset ? offset[channel] : 0.0f));
    }
    /// Of the values here.
    __device__ void take(int channel, double average, double variance) const {
        if (!shared) return set(channel, average, variance);
        const double from_common = average - common(channel);
        shared[channel] = elements * from_common;
        shared[channels + channel] = elements * (variance + from_common * from_common);
    }
    __device__ void set(int channel, double average, double variance) const {
        mean[channel] = static_cast<float>(average);
        invstd[channel] = static_cast<float>(1 / std::sqrt(variance + eps));
        const auto blend = [this](float& running, double value) {
            running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * value);
        };
        blend(running_mean[channel], average + (offset ? static_cast<double>(offset[channel]) : 0.0));
        blend(running_var[channel], variance * correction);
    }
};

/// Larger blocks, so that there are fewer partial sums and more threads for them in the last one.
constexpr int statistics_threads = 512, statistics_resident = 2;

/// partials: mean and sum of squared deviations of the block's values.
template <class T, int width>
__global__ void __launch_bounds__(statistics_threads, statistics_resident)
    statistics_kernel(const T* x, ChannelPartials partials, ChannelLayout at, BatchStatistics result) {
    SHARED_MEMORY(center, float[ChannelLayout::most_lanes]);
    SHARED_MEMORY(scratch, double[statistics_threads * 2]);
    SHARED_MEMORY(first, float[statistics_threads * width]);
    SHARED_MEMORY(second, float[statistics_threads * width]);
    constexpr int batch = 4;  // loads in flight
    const ChannelThread self(at);
    float shift[width] = {}, sum[width] = {}, squares[width] = {};
    int count = 0;
    if (self.active) {
        std::int64_t i = self.first_from_end(at);
        if (i >= 0) {
            const auto v = load<width>(x + i * width);
#pragma unroll
            for (int j = 0; j < width; ++j) shift[j] = to_float(v[j]);
        }
        const auto add = [&](const Vec<T, width>& v) {
#pragma unroll
            for (int j = 0; j < width; ++j) {
                const float d = to_float(v[j]) - shift[j];
                sum[j] += d;
                squares[j] = fmaf(d, d, squares[j]);
            }
            ++count;
        };
        for (; i - (batch - 1) * self.step >= 0; i -= batch * self.step) {
            Vec<T, width> v[batch];
#pragma unroll
            for (int k = 0; k < batch; ++k) v[k] = load<width>(x + (i - k * self.step) * width);
#pragma unroll
            for (int k = 0; k < batch; ++k) add(v[k]);
        }
        for (; i >= 0; i -= self.step) add(load<width>(x + i * width));
    }
    const float n = static_cast<float>(count), inverse = count > 0 ? 1.0f / n : 0.0f;
    const int lane = (self.column * width) - self.first_lane;
    if (self.active && self.row == 0)
#pragma unroll
        for (int j = 0; j < width; ++j) center[lane + j] = fmaf(sum[j], inverse, shift[j]);
    __syncthreads();
    if (self.active)
#pragma unroll
        for (int j = 0; j < width; ++j) {
            const float mean = sum[j] * inverse, d = count > 0 ? shift[j] - center[lane + j] + mean : 0.0f;
            first[self.row * self.lanes + lane + j] = n * d;
            second[self.row * self.lanes + lane + j] = fmaf(n * d, d, squares[j] - sum[j] * mean);
        }
    __syncthreads();
    sum_block_rows(first, second, at.rows, self.lanes);
    for (int i = static_cast<int>(threadIdx.x); i < self.lanes; i += statistics_threads) {
        const auto height = static_cast<float>(at.height(blockIdx.x, at.short_column((self.first_lane + i) / width)));
        const float mean = height > 0 ? first[i] / height : 0.0f;
        partials.leave(at, self.first_lane + i, center[i] + mean, second[i] - first[i] * mean);
    }
    // The last block of the grid has values of every channel: a shift for the sums.
    const auto shift_of = [&](int channel) {
        return static_cast<double>(
            from_other_block(partials.sums + static_cast<std::int64_t>(at.blocks - 1) * at.lanes() + channel).x);
    };
    finish_channels(
        at, self, partials, scratch,
        [&](int channel, int lane) {
            return [&at, shift = shift_of(channel), is_short = at.short_column(lane / width)](
                       ChannelSums& sums, unsigned block, float2 p) {
                const double n = at.height(block, is_short);
                const double d = static_cast<double>(p.x) - shift;
                sums.first += n * d;
                sums.second += static_cast<double>(p.y) + n * d * d;
            };
        },
        [&](int channel, const ChannelSums& sums) {
            const double offset = sums.first / result.elements;
            const double deviations = sums.second / result.elements - offset * offset;
            result.take(channel, shift_of(channel) + offset, deviations < 0 ? 0.0 : deviations);
        });
}

/// The statistics from `shared`, summed over all shares, and their number of elements.
__global__ void __launch_bounds__(threads) shared_statistics_kernel(BatchStatistics result) {
    const int channel = static_cast<int>(blockIdx.x * threads + threadIdx.x);
    if (channel >= result.channels) return;
    const double offset = result.shared[channel] / result.elements;
    const double deviations = result.shared[result.channels + channel] / result.elements - offset * offset;
    result.set(channel, result.common(channel) + offset, deviations < 0 ? 0.0 : deviations);
}

/// y = normalised x [+ residual], not below `lowest`.
template <class T, int width, bool has_residual>
__global__ void __launch_bounds__(threads, resident)
    apply_kernel(const T* x, const T* residual, T* y, NormChannels channels, ChannelLayout at, float lowest) {
    constexpr int batch = has_residual ? 2 : 4;
    const ChannelThread self(at);
    if (!self.active) return;
    const NormAffine<width> affine(channels, at.channels, self.column);
    const auto apply = [&](std::int64_t i, const Vec<T, width>& v, const Vec<T, width>& r) {
        Vec<T, width> result;
#pragma unroll
        for (int j = 0; j < width; ++j) {
            float z = affine.output(j, to_float(v[j]));
            if constexpr (has_residual) z += to_float(r[j]);
            result[j] = from_float<T>(z < lowest ? lowest : z);  // NaN stays
        }
        store<width>(y + i * width, result);
    };
    std::int64_t i = self.first;
    for (; i + (batch - 1) * self.step < at.vectors; i += batch * self.step) {
        Vec<T, width> v[batch], r[batch];
#pragma unroll
        for (int k = 0; k < batch; ++k) {
            v[k] = load<width>(x + (i + k * self.step) * width);
            if constexpr (has_residual) r[k] = load<width>(residual + (i + k * self.step) * width);
        }
#pragma unroll
        for (int k = 0; k < batch; ++k) apply(i + k * self.step, v[k], r[k]);
    }
    for (; i < at.vectors; i += self.step) {
        Vec<T, width> r;
        if constexpr (has_residual) r = load<width>(residual + i * width);
        apply(i, load<width>(x + i * width), r);
    }
}

template <class T>
void apply(const char* name, const Tensor& x, const Tensor& residual, const Tensor& y, const NormChannels& channels,
           bool relu) {
    ChannelLayout at(x, vector_width<T>, aligned_to(x, 16) && aligned_to(residual, 16) && aligned_to(y, 16));
    const float lowest = relu ? 0.0f : -INFINITY;
    with_width<vector_width<T>>(at, [&](auto width) {
        const auto kernel = residual ? apply_kernel<T, width, true> : apply_kernel<T, width, false>;
        const LaunchShape shape = at.shape(kernel);
        launch(name, kernel, shape, x.data<T>(), pointer<T>(residual), y.data<T>(), channels, at, lowest);
    });
}

}  // namespace

void GpuBackend::batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                  const Tensor& offset, const Tensor& running_mean, const Tensor& running_var,
                                  const ChannelSlice& y, const Tensor& pooled, const Tensor& mean, const Tensor& invstd,
                                  const BatchNormParams& p) {
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        ChannelLayout at(x, vector_width<T>, aligned_to(x, 16), statistics_threads);
        const double elements = normalised_values(x);
        const BatchShare* const share = batch_norm_share();
        const Tensor shared = share ? Tensor::empty({2, at.channels}, Dtype::f64, this_device) : Tensor();
        BatchStatistics statistics = {
            mean.data<float>(), invstd.data<float>(), running_mean.data<float>(), running_var.data<float>(),
            pointer<const float>(offset), p.eps, p.momentum, static_cast<double>(at.elements_per_channel()),
            // A single value has no unbiased variance; it counts with its biased one, 0.
            p.unbiased && elements > 1 ? elements / (elements - 1) : 1.0, pointer<double>(shared), at.channels};
        with_width<vector_width<T>>(at, [&](auto width) {
            const auto kernel = statistics_kernel<T, width>;
            const LaunchShape shape = at.shape(kernel);
            const ChannelScratch scratch(at);
            launch("batch_norm_train, statistics", kernel, shape, x.data<T>(), scratch.partials, at, statistics);
        });
        if (share) {
            share->sum(shared);
            statistics.elements = elements;
            launch("batch_norm_train, shared statistics", shared_statistics_kernel,
                   {blocks_for(at.channels, threads), threads}, statistics);
        }
        const NormChannels channels = {mean.data<float>(),  invstd.data<float>(), nullptr,
                                       gamma.data<float>(), beta.data<float>(),   0};
        if (pooled) return normalise_and_pool<T>("batch_norm_train, apply and pool", x, y, pooled, channels, p.relu);
        apply<T>("batch_norm_train, apply", x, residual, y.tensor, channels, p.relu);
    });
}

void GpuBackend::batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_var, const ChannelSlice& y,
                                      const Tensor& pooled, const BatchNormParams& p) {
    const NormChannels channels = {running_mean.data<float>(), nullptr,
                                   running_var.data<float>(),  gamma.data<float>(),
                                   beta.data<float>(),         static_cast<float>(p.eps)};
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        if (pooled) return normalise_and_pool<T>("batch_norm_inference, and pool", x, y, pooled, channels, p.relu);
        apply<T>("batch_norm_inference", x, residual, y.tensor, channels, p.relu);
    });
}

}  // namespace camber::CAMBER_GPU
