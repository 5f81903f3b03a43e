/// Batch normalisation, backward (Ioffe and Szegedy 2015, section 3).
///
///   g = dy where ReLU let it through, dbeta_c = sum g, dgamma_c = sum g * xhat,  xhat = (x - mean_c) * invstd_c
///   dx = gamma_c * invstd_c * (g - dbeta_c / n - xhat * dgamma_c / n);  with constant statistics gamma_c * invstd_c *
///   g
///
/// Layout: see norm.h. Bytes: x and dy twice, dx once; for [16, 256, 256, 64] of bf16 5 * 134 MB, 0.2 ms at 3.35 TB/s;
/// some ten operations an element. With constant statistics one pass does: x, dy, dx once each. With a residual ReLU's
/// mask is y > 0, and the sums' pass, which reads y, leaves g as the residual's gradient; the second pass reads that.
///
/// Strategy: the mask without a residual is worked out from x again, by the forward pass's own instructions. A block
/// sums its rows in f32; a small kernel adds the blocks' in f64 in a fixed order. The first pass reads the tensors from
/// their end and the second from their beginning: each begins with what its predecessor left in the L2 cache.
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/norm.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = NormLayout::threads;
constexpr int resident = 3;  // blocks a multiprocessor, for 80 registers a thread
constexpr int batch = 2;     // vectors of every tensor in flight

/// The tensors of a backward step.
template <class T>
struct Gradients {
    const T *x, *dy;
    const T* y;       ///< with a mask from y, else null
    T *dx, *masked;   ///< what to write of dx and g; null: nothing
    float threshold;  ///< g = 0 where the output is not above this
};

template <class T, int width>
struct Vectors {
    Vec<T, width> x, dy, y;
};

template <bool mask_from_y, int width, class T>
__device__ __forceinline__ Vectors<T, width> load_vectors(const Gradients<T>& p, std::int64_t i) {
    Vectors<T, width> v;
    v.x = load<width>(p.x + i * width);
    v.dy = load<width>(p.dy + i * width);
    if constexpr (mask_from_y) v.y = load<width>(p.y + i * width);
    return v;
}

/// g of element j.
template <bool mask_from_y, class T, int width>
__device__ __forceinline__ float gradient(const Vectors<T, width>& v, int j, const NormAffine<width>& affine,
                                          float threshold) {
    const float output = mask_from_y ? to_float(v.y[j]) : affine.output(j, to_float(v.x[j]));
    return output <= threshold ? 0.0f : to_float(v.dy[j]);
}

/// partial[block][lane] = sum of g and of g * (x - mean) over the block's values. With constant statistics dx too.
template <class T, int width, bool mask_from_y>
__global__ void __launch_bounds__(threads, resident)
    sums_kernel(Gradients<T> p, NormChannels channels, float2* partial, NormLayout at) {
    SHARED_MEMORY(first, float[threads * width]);
    SHARED_MEMORY(second, float[threads * width]);
    const NormThread self(at);
    if (self.active) {
        const NormAffine<width> affine(channels, at.channels, self.column);
        float sum[width] = {}, product[width] = {};
        const auto add = [&](std::int64_t i, const Vectors<T, width>& v) {
            Vec<T, width> g, dx;
#pragma unroll
            for (int j = 0; j < width; ++j) {
                const float value = gradient<mask_from_y>(v, j, affine, p.threshold);
                sum[j] += value;
                product[j] = fmaf(value, to_float(v.x[j]) - affine.mean[j], product[j]);
                g[j] = from_float<T>(value);
                dx[j] = from_float<T>(value * affine.scale[j]);
            }
            if (p.masked) store<width>(p.masked + i * width, g);
            if (p.dx) store<width>(p.dx + i * width, dx);
        };
        std::int64_t i = self.first_from_end(at);
        for (; i - (batch - 1) * self.step >= 0; i -= batch * self.step) {
            Vectors<T, width> v[batch];
#pragma unroll
            for (int k = 0; k < batch; ++k) v[k] = load_vectors<mask_from_y, width>(p, i - k * self.step);
#pragma unroll
            for (int k = 0; k < batch; ++k) add(i - k * self.step, v[k]);
        }
        for (; i >= 0; i -= self.step) add(i, load_vectors<mask_from_y, width>(p, i));
        const int at_first = self.row * self.lanes + self.column * width - self.first_lane;
#pragma unroll
        for (int j = 0; j < width; ++j) {
            first[at_first + j] = sum[j];
            second[at_first + j] = product[j];
        }
    }
    __syncthreads();
    sum_block_rows(first, second, at.rows, self.lanes);
    for (int i = static_cast<int>(threadIdx.x); i < self.lanes; i += threads)
        partial[static_cast<std::int64_t>(blockIdx.x) * at.lanes() + self.first_lane + i] =
            make_float2(first[i], second[i]);
}

__global__ void __launch_bounds__(threads)
    finish_gradients_kernel(const float2* partial, NormLayout at, NormChannels channels, float* dgamma, float* dbeta) {
    const int channel =
        static_cast<int>(blockIdx.x) * finish_channels + static_cast<int>(threadIdx.x) % finish_channels;
    const NormSums sums = sum_partials(at, [&](NormSums& s, unsigned block, int lane) {
        const float2 p = partial[static_cast<std::int64_t>(block) * at.lanes() + lane];
        s.first += static_cast<double>(p.x);
        s.second += static_cast<double>(p.y);
    });
    if (threadIdx.x >= finish_channels || channel >= at.channels) return;
    dbeta[channel] = static_cast<float>(sums.first);
    dgamma[channel] = static_cast<float>(sums.second * static_cast<double>(channels.inverse_deviation(channel)));
}

/// dx for statistics of the batch.
template <class T, int width, bool mask_from_y>
__global__ void __launch_bounds__(threads, resident)
    dx_kernel(Gradients<T> p, NormChannels channels, const float* dgamma, const float* dbeta, NormLayout at,
              float inverse_count) {
    const NormThread self(at);
    if (!self.active) return;
    const NormAffine<width> affine(channels, at.channels, self.column);
    float mean[width], slope[width];  // of g; of g along x - mean
    int channel = static_cast<int>(static_cast<std::int64_t>(self.column) * width % at.channels);
#pragma unroll
    for (int j = 0; j < width; ++j) {
        mean[j] = dbeta[channel] * inverse_count;
        slope[j] = dgamma[channel] * inverse_count * channels.inverse_deviation(channel);
        if (++channel == at.channels) channel = 0;
    }
    const auto write = [&](std::int64_t i, const Vectors<T, width>& v) {
        Vec<T, width> dx;
#pragma unroll
        for (int j = 0; j < width; ++j) {
            const float g = gradient<mask_from_y>(v, j, affine, p.threshold);
            dx[j] = from_float<T>(affine.scale[j] * fmaf(affine.mean[j] - to_float(v.x[j]), slope[j], g - mean[j]));
        }
        store<width>(p.dx + i * width, dx);
    };
    std::int64_t i = self.first;
    for (; i + (batch - 1) * self.step < at.vectors; i += batch * self.step) {
        Vectors<T, width> v[batch];
#pragma unroll
        for (int k = 0; k < batch; ++k) v[k] = load_vectors<mask_from_y, width>(p, i + k * self.step);
#pragma unroll
        for (int k = 0; k < batch; ++k) write(i + k * self.step, v[k]);
    }
    for (; i < at.vectors; i += self.step) write(i, load_vectors<mask_from_y, width>(p, i));
}

template <class T>
void backward(const Tensor& x, const Tensor& dy, const Tensor& y, const NormChannels& channels, const Tensor& dx,
              const Tensor& dgamma, const Tensor& dbeta, const Tensor& dresidual, bool relu, bool batch_statistics) {
    const bool aligned =
        aligned_to(x, 16) && aligned_to(dy, 16) && aligned_to(y, 16) && aligned_to(dx, 16) && aligned_to(dresidual, 16);
    const NormLayout at(x, vector_width<T>, aligned);
    const Tensor scratch = Tensor::empty({std::int64_t{at.blocks} * at.lanes() * 2}, Dtype::f32, this_device);
    auto* const partial = reinterpret_cast<float2*>(scratch.data<float>());
    Gradients<T> p{x.data<T>(),
                   dy.data<T>(),
                   relu ? pointer<T>(y) : nullptr,
                   batch_statistics ? nullptr : pointer<T>(dx),
                   pointer<T>(dresidual),
                   relu ? 0.0f : -INFINITY};
    with_width<vector_width<T>>(at, [&](auto width) {
        launch("batch_norm_backward, sums", p.y ? sums_kernel<T, width, true> : sums_kernel<T, width, false>,
               at.shape(), p, channels, partial, at);
        launch("batch_norm_backward, finish", finish_gradients_kernel,
               {blocks_for(at.channels, finish_channels), threads}, partial, at, channels, dgamma.data<float>(),
               dbeta.data<float>());
        if (!batch_statistics) return;
        p.dx = dx.data<T>();
        if (p.masked) {
            p.dy = p.masked;
            p.y = nullptr;
            p.threshold = -INFINITY;
        }
        const auto inverse_count = static_cast<float>(1.0 / static_cast<double>(at.elements_per_channel()));
        launch("batch_norm_backward, dx", p.y ? dx_kernel<T, width, true> : dx_kernel<T, width, false>, at.shape(), p,
               channels, dgamma.data<float>(), dbeta.data<float>(), at, inverse_count);
    });
}

}  // namespace

void GpuBackend::batch_norm_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                     const Tensor& beta, const Tensor& mean, const Tensor& invstd, const Tensor& dx,
                                     const Tensor& dresidual, const Tensor& dgamma, const Tensor& dbeta,
                                     const BatchNormParams& p) {
    dispatch(x, [&](auto t) {
        backward<decltype(t)>(
            x, dy, y, {mean.data<float>(), invstd.data<float>(), nullptr, gamma.data<float>(), beta.data<float>(), 0},
            dx, dgamma, dbeta, dresidual, p.relu, true);
    });
}

void GpuBackend::batch_norm_inference_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                               const Tensor& beta, const Tensor& running_mean,
                                               const Tensor& running_var, const Tensor& dx, const Tensor& dresidual,
                                               const Tensor& dgamma, const Tensor& dbeta, const BatchNormParams& p) {
    dispatch(x, [&](auto t) {
        backward<decltype(t)>(x, dy, y,
                              {running_mean.data<float>(), nullptr, running_var.data<float>(), gamma.data<float>(),
                               beta.data<float>(), static_cast<float>(p.eps)},
                              dx, dgamma, dbeta, dresidual, p.relu, false);
    });
}

}  // namespace camber::CAMBER_GPU
