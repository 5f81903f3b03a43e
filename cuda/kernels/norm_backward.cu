/// Batch normalisation, backward (Ioffe and Szegedy 2015, section 3).
///
///   g = dy where ReLU let it through, dbeta_c = sum g, dgamma_c = sum g * xhat,  xhat = (x - mean_c) * invstd_c
///   dx = gamma_c * invstd_c * (g - dbeta_c / n - xhat * dgamma_c / n)
///   dx = gamma_c * invstd_c * g, with constant statistics
///
/// Layout: see channels.h. Bytes: x and dy twice, dx once; for [16, 256, 256, 64] of bf16 5 * 134 MB, 0.2 ms at 3.35
/// TB/s; some ten operations an element. With constant statistics one pass does: x, dy, dx once each. With a residual
/// ReLU's mask is y > 0, and the sums' pass, which reads y, leaves g as the residual's gradient; the second pass reads
/// that.
///
/// Strategy: the mask without a residual is worked out from x again, by the forward pass's own instructions. A block
/// sums its rows in f32; the block that comes last adds the blocks' in f64 in a fixed order. The first pass reads the
/// tensors from their end and the second from their beginning: each begins with what its predecessor left in the L2
/// cache.
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/norm.h"
#include "cuda/kernels/norm_pool.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = ChannelLayout::threads;
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

/// partials: sum of g and of g * (x - mean) over the block's values. With constant statistics dx too.
template <class T, int width, bool mask_from_y>
__global__ void __launch_bounds__(threads, resident)
    sums_kernel(Gradients<T> p, NormChannels channels, ChannelPartials partials, ChannelLayout at, float* dgamma,
                float* dbeta) {
    SHARED_MEMORY(scratch, double[threads * 2]);
    SHARED_MEMORY(first, float[threads * width]);
    SHARED_MEMORY(second, float[threads * width]);
    const ChannelThread self(at);
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
        partials.leave(at, self.first_lane + i, first[i], second[i]);
    finish_gradients(at, self, partials, scratch, channels, dgamma, dbeta);
}

/// dx for statistics of the batch.
template <class T, int width, bool mask_from_y>
__global__ void __launch_bounds__(threads, resident)
    dx_kernel(Gradients<T> p, NormChannels channels, const float* dgamma, const float* dbeta, ChannelLayout at,
              float inverse_count) {
    const ChannelThread self(at);
    if (!self.active) return;
    const NormAffine<width> affine(channels, at.channels, self.column);
    const NormCorrection<width> correction(channels, dgamma, dbeta, inverse_count, at.channels, self.column);
    const auto write = [&](std::int64_t i, const Vectors<T, width>& v) {
        Vec<T, width> dx;
#pragma unroll
        for (int j = 0; j < width; ++j) {
            const float g = gradient<mask_from_y>(v, j, affine, p.threshold);
            dx[j] = from_float<T>(correction.dx(j, to_float(v.x[j]), g, affine));
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
    ChannelLayout at(x, vector_width<T>, aligned);
    Gradients<T> p{x.data<T>(),
                   dy.data<T>(),
                   relu ? pointer<T>(y) : nullptr,
                   batch_statistics ? nullptr : pointer<T>(dx),
                   pointer<T>(dresidual),
                   relu ? 0.0f : -INFINITY};
    with_width<vector_width<T>>(at, [&](auto width) {
        const auto sums = p.y ? sums_kernel<T, width, true> : sums_kernel<T, width, false>;
        const LaunchShape shape = at.shape(sums);
        const ChannelScratch scratch(at);
        launch("batch_norm_backward, sums", sums, shape, p, channels, scratch.partials, at, dgamma.data<float>(),
               dbeta.data<float>());
        if (!batch_statistics) return;
        p.dx = dx.data<T>();
        if (p.masked) {
            p.dy = p.masked;
            p.y = nullptr;
            p.threshold = -INFINITY;
        }
        const BatchSums whole(x, dgamma, dbeta);
        const auto kernel = p.y ? dx_kernel<T, width, true> : dx_kernel<T, width, false>;
        const LaunchShape dx_shape = at.shape(kernel);
        launch("batch_norm_backward, dx", kernel, dx_shape, p, channels, whole.dgamma, whole.dbeta, at,
               whole.inverse_count);
    });
}

}  // namespace

void GpuBackend::batch_norm_backward(const Tensor& x, const Tensor& y, const ChannelSlice& dy, const Tensor& dpooled,
                                     const Tensor& gamma, const Tensor& beta, const Tensor& mean, const Tensor& invstd,
                                     const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
                                     const Tensor& dbeta, const BatchNormParams& p) {
    const NormChannels channels = {mean.data<float>(),  invstd.data<float>(), nullptr,
                                   gamma.data<float>(), beta.data<float>(),   0};
    dispatch(x, [&](auto t) {
        using T = decltype(t);
        if (dpooled) return pooled_backward<T>(x, dy, dpooled, channels, dx, dgamma, dbeta, p.relu);
        backward<T>(x, dy.tensor, y, channels, dx, dgamma, dbeta, dresidual, p.relu, true);
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
