/// Batch normalisation over all but the last axis, forward.
///
///   y = [relu]((x - mean_c) * gamma_c * invstd_c + beta_c [+ residual]),  invstd_c = 1 / sqrt(var_c + eps)
///
/// Layout: see norm.h. Bytes of a training step: x twice, y once; for [16, 256, 256, 64] of bf16 3 * 134 MB, 0.12 ms at
/// 3.35 TB/s; some four operations an element each way. With a residual one read more, where an addition of its own
/// would cost three.
///
/// Strategy, three kernels.
/// Statistics: a thread sums deviations, and their squares, from the first value that it meets in each of its channels,
/// so that nothing cancels however far the mean is from zero; a block brings its threads to the mean of one of them,
/// sums over its rows, and leaves mean and sum of squared deviations. Finish: those are merged as Chan, Golub and
/// LeVeque (1979) do, in f64, in a fixed order; running statistics are updated. Apply. The first reads the tensor from
/// its end and the last from its beginning: each begins with what its predecessor left in the L2 cache.
#include "cuda/kernels/norm.h"

#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = NormLayout::threads, resident = NormLayout::blocks_per_multiprocessor;

/// partial[block][lane] = mean and sum of squared deviations of the block's values.
template <class T, int width>
__global__ void __launch_bounds__(threads, resident) statistics_kernel(const T* x, float2* partial, NormLayout at) {
    SHARED_MEMORY(center, float[threads * width]);
    SHARED_MEMORY(first, float[threads * width]);
    SHARED_MEMORY(second, float[threads * width]);
    constexpr int batch = 4;  // loads in flight
    const NormThread self(at);
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
    for (int i = static_cast<int>(threadIdx.x); i < self.lanes; i += threads) {
        const auto height = static_cast<float>(at.height(blockIdx.x, (self.first_lane + i) / width));
        const float mean = height > 0 ? first[i] / height : 0.0f;
        partial[static_cast<std::int64_t>(blockIdx.x) * at.lanes() + self.first_lane + i] =
            make_float2(center[i] + mean, second[i] - first[i] * mean);
    }
}

/// mean and invstd of every channel from the blocks' partial ones; the running statistics move towards them.
__global__ void __launch_bounds__(threads)
    finish_statistics_kernel(const float2* partial, NormLayout at, float* mean, float* invstd, float* running_mean,
                             float* running_var, double eps, double momentum, double elements, double correction) {
    const int channel =
        static_cast<int>(blockIdx.x) * finish_channels + static_cast<int>(threadIdx.x) % finish_channels;
    // The last block has values of every channel: a shift for the sums.
    const std::int64_t shift_at = static_cast<std::int64_t>(at.blocks - 1) * at.lanes() + channel;
    const double shift = channel < at.channels ? static_cast<double>(partial[shift_at].x) : 0.0;
    const NormSums sums = sum_partials(at, [&](NormSums& s, unsigned block, int lane) {
        const float2 p = partial[static_cast<std::int64_t>(block) * at.lanes() + lane];
        const double n = static_cast<double>(at.height(block, lane / at.width)), d = static_cast<double>(p.x) - shift;
        s.first += n * d;
        s.second += static_cast<double>(p.y) + n * d * d;
    });
    if (threadIdx.x >= finish_channels || channel >= at.channels) return;
    const double offset = sums.first / elements, average = shift + offset;
    const double deviations = sums.second / elements - offset * offset;
    const double variance = deviations < 0 ? 0.0 : deviations;
    mean[channel] = static_cast<float>(average);
    invstd[channel] = static_cast<float>(1 / std::sqrt(variance + eps));
    const auto blend = [momentum](float& running, double value) {
        running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * value);
    };
    blend(running_mean[channel], average);
    blend(running_var[channel], variance * correction);
}

/// y = normalised x [+ residual], not below `lowest`.
template <class T, int width, bool has_residual>
__global__ void __launch_bounds__(threads, resident)
    apply_kernel(const T* x, const T* residual, T* y, NormChannels channels, NormLayout at, float lowest) {
    constexpr int batch = has_residual ? 2 : 4;
    const NormThread self(at);
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
    const NormLayout at(x, vector_width<T>, aligned_to(x, 16) && aligned_to(residual, 16) && aligned_to(y, 16));
    const float lowest = relu ? 0.0f : -INFINITY;
    with_width<vector_width<T>>(at, [&](auto width) {
        launch(name, residual ? apply_kernel<T, width, true> : apply_kernel<T, width, false>, at.shape(), x.data<T>(),
               pointer<T>(residual), y.data<T>(), channels, at, lowest);
    });
}

}  // namespace

void GpuBackend::batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                  const Tensor& running_mean, const Tensor& running_var, const Tensor& y,
                                  const Tensor& mean, const Tensor& invstd, const BatchNormParams& p) {
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        const NormLayout at(x, vector_width<T>, aligned_to(x, 16));
        const Tensor scratch = Tensor::empty({std::int64_t{at.blocks} * at.lanes() * 2}, Dtype::f32, this_device);
        auto* const partial = reinterpret_cast<float2*>(scratch.data<float>());
        with_width<vector_width<T>>(at, [&](auto width) {
            launch("batch_norm_train, statistics", statistics_kernel<T, width>, at.shape(), x.data<T>(), partial, at);
        });
        const auto elements = static_cast<double>(at.elements_per_channel());
        // A single value has no unbiased variance; it counts with its biased one, 0.
        const double correction = p.unbiased && elements > 1 ? elements / (elements - 1) : 1.0;
        launch("batch_norm_train, finish", finish_statistics_kernel,
               {blocks_for(at.channels, finish_channels), threads}, partial, at, mean.data<float>(),
               invstd.data<float>(), running_mean.data<float>(), running_var.data<float>(), p.eps, p.momentum, elements,
               correction);
        apply<T>("batch_norm_train, apply", x, residual, y,
                 {mean.data<float>(), invstd.data<float>(), nullptr, gamma.data<float>(), beta.data<float>(), 0},
                 p.relu);
    });
}

void GpuBackend::batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_var, const Tensor& y,
                                      const BatchNormParams& p) {
    dispatch(x, [&](auto t) {
        apply<decltype(t)>("batch_norm_inference", x, residual, y,
                           {running_mean.data<float>(), nullptr, running_var.data<float>(), gamma.data<float>(),
                            beta.data<float>(), static_cast<float>(p.eps)},
                           p.relu);
    });
}

}  // namespace camber::CAMBER_GPU
