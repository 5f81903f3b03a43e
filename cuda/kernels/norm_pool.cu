/// Batch normalisation and the maxima of 2x2 windows of what it gives, forward and backward: the end of an encoder's
/// level, whose output is a skip and, pooled, the next level's input.
///
///   y = [relu](normalised x), pooled = max of y over a window
///   backward of both: see norm_backward.cu, with
///   g = (dy + dpooled at the window's first maximum) where ReLU let it through
///
/// Bytes: forward x once, y and pooled once; backward x, dy and dpooled twice, dx once. For [16, 256, 256, 64] of bf16
/// 302 MB and 738 MB, 0.09 and 0.22 ms at 3.35 TB/s, where a pooling of its own would read y again (134 MB) and, back,
/// read it, write what it adds up and have that read twice (more than 400 MB). The maxima are found again from x, by
/// the forward pass's own instructions and rounding. Some 20 operations an element.
///
/// Strategy: a thread has some channels of a whole window, four pixels, and the channels' constants in registers
/// (channels.h, with windows in the place of pixels): 16 bytes forward, four channels backward. Windows of an odd last
/// row or column are cut: their pixels are normalised and have no maximum.
#include "cuda/kernels/norm_pool.h"

#include "cuda/kernels/fast_divide.h"
#include "cuda/kernels/gpu_backend.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = ChannelLayout::threads;
// Blocks a multiprocessor, as many as spill nothing.
template <bool even>
inline constexpr int resident_forward = even ? 4 : 3;
constexpr int resident_dx = 2;
template <class T>
inline constexpr int resident_sums = std::is_same_v<T, bf16> ? 3 : 2;
constexpr int widest = 4;  // channels of a thread, backward

/// A window: its pixels in row-major order, where its maximum lies among all maxima.
struct Window {
    int pixel[4], maximum;
    bool has[4];  ///< all, where the image's extents are even

    __device__ __forceinline__ bool whole() const { return has[3]; }
};

/// The windows that cover the images of a tensor.
struct WindowGrid {
    int height, width;
    FastDivide by_columns, by_rows;  ///< of windows in an image

    explicit WindowGrid(const Tensor& x)
        : height(static_cast<int>(x.dim(1))),
          width(static_cast<int>(x.dim(2))),
          by_columns((x.dim(2) + 1) / 2),
          by_rows((x.dim(1) + 1) / 2) {}
    std::int64_t count(const Tensor& x) const {
        return x.dim(0) * std::int64_t{by_rows.divisor} * std::int64_t{by_columns.divisor};
    }
    bool even() const { return height % 2 == 0 && width % 2 == 0; }
    /// `even`: so are the extents, as the compiler may know.
    template <bool even>
    __device__ __forceinline__ Window at(int window) const {
        const int line = by_columns.quotient(window), j = by_columns.remainder(window, line);
        const int n = by_rows.quotient(line), i = by_rows.remainder(line, n);
        const int first = (n * height + 2 * i) * width + 2 * j;
        const bool two_rows = even || 2 * i + 1 < height, two_columns = even || 2 * j + 1 < width;
        return {{first, first + 1, first + width, first + width + 1},
                (n * (height / 2) + i) * (width / 2) + j,
                {true, two_columns, two_rows, two_rows && two_columns}};
    }
};

/// A layout of windows, in the place of a tensor's pixels.
ChannelLayout window_layout(const Tensor& x, const WindowGrid& grid, int widest, bool aligned) {
    constexpr std::int64_t most = 0x7fffffff;
    const std::int64_t channels = x.dim(3);
    if (x.numel() / channels > most)
        fail("batch_norm: {} has more pixels than the {} device computes with", x.shape().str(), name(this_device));
    return ChannelLayout(grid.count(x) * channels, static_cast<int>(channels),
                         aligned && channels % widest == 0 ? widest : 1);
}

/// Calls f(window) for every window of this thread.
template <bool even, class F>
__device__ __forceinline__ void for_windows(const WindowGrid& grid, const ChannelLayout& at, F f) {
    const int row = static_cast<int>(threadIdx.x) / at.columns;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * at.rows + row; i < at.periods;
         i += static_cast<std::int64_t>(gridDim.x) * at.rows)
        f(grid.at<even>(static_cast<int>(i)));
}

template <class T, int width, bool even>
__global__ void __launch_bounds__(threads, resident_forward<even>)
    normalise_and_pool_kernel(const T* x, T* y, int y_stride, T* pooled, NormChannels channels, ChannelLayout at,
                              WindowGrid grid, float lowest) {
    const ChannelThread self(at);
    if (!self.active) return;
    const NormAffine<width> affine(channels, at.channels, self.column);
    const int c = self.column * width;
    for_windows<even>(grid, at, [&](const Window& window) {
        Vec<T, width> v[4];
#pragma unroll
        for (int k = 0; k < 4; ++k)
            if (window.has[k]) v[k] = load<width>(x + std::int64_t{window.pixel[k]} * at.channels + c);
        Vec<T, width> maximum = {};
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            if (!window.has[k]) continue;
#pragma unroll
            for (int j = 0; j < width; ++j) {
                const float z = affine.output(j, to_float(v[k][j]));
                v[k][j] = from_float<T>(z < lowest ? lowest : z);  // NaN stays
                const float now = to_float(v[k][j]), before = to_float(maximum[j]);
                if (k == 0 || (!(now <= before) && before == before)) maximum[j] = v[k][j];
            }
            store<width>(y + std::int64_t{window.pixel[k]} * y_stride + c, v[k]);
        }
        if (window.whole()) store<width>(pooled + std::int64_t{window.maximum} * at.channels + c, maximum);
    });
}

/// The tensors of a backward step.
template <class T>
struct PooledGradients {
    const T *x, *dy, *dpooled;  ///< dy: its first channel of the first pixel, or null
    int stride;                 ///< between pixels of dy
    float lowest, threshold;    ///< ReLU's: 0 and 0; without: minus infinity
};

/// A window's values and gradients.
template <class T, int width>
struct WindowVectors {
    Vec<T, width> x[4], dy[4], dpooled;

    __device__ __forceinline__ WindowVectors(const PooledGradients<T>& p, const Window& window, int channels, int c) {
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            x[k] = dy[k] = {};
            if (!window.has[k]) continue;
            x[k] = load<width>(p.x + std::int64_t{window.pixel[k]} * channels + c);
            if (p.dy) dy[k] = load<width>(p.dy + std::int64_t{window.pixel[k]} * p.stride + c);
        }
        dpooled = {};
        if (window.whole()) dpooled = load<width>(p.dpooled + std::int64_t{window.maximum} * channels + c);
    }

    /// g of the four pixels' channel j.
    __device__ __forceinline__ void gradients(float (&g)[4], int j, const NormAffine<width>& affine,
                                              const PooledGradients<T>& p, const Window& window) const {
        float output[4], y[4];
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            output[k] = affine.output(j, to_float(x[k][j]));
            y[k] = output[k] < p.lowest ? p.lowest : output[k];
        }
        // As the forward pass stored them: what rounds alike is equal, and the first of equals has the gradient.
        round_pair<T>(y[0], y[1]);
        round_pair<T>(y[2], y[3]);
        float largest = y[0];
        int best = 0;
#pragma unroll
        for (int k = 1; k < 4; ++k)
            if (!(y[k] <= largest) && largest == largest) {
                largest = y[k];
                best = k;
            }
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            const float sum = to_float(dy[k][j]) + (k == best ? to_float(dpooled[j]) : 0.0f);
            g[k] = !window.has[k] || output[k] <= p.threshold ? 0.0f : sum;
        }
    }
};

/// partials: sum of g and of g * (x - mean) over the block's values.
template <class T, int width, bool even>
__global__ void __launch_bounds__(threads, resident_sums<T>)
    pooled_sums_kernel(PooledGradients<T> p, NormChannels channels, ChannelPartials partials, ChannelLayout at,
                       WindowGrid grid, float* dgamma, float* dbeta) {
    SHARED_MEMORY(scratch, double[threads * 2]);
    SHARED_MEMORY(first, float[threads * width]);
    SHARED_MEMORY(second, float[threads * width]);
    const ChannelThread self(at);
    if (self.active) {
        const NormAffine<width> affine(channels, at.channels, self.column);
        float sum[width] = {}, product[width] = {};
        for_windows<even>(grid, at, [&](const Window& window) {
            const WindowVectors<T, width> v(p, window, at.channels, self.column * width);
#pragma unroll
            for (int j = 0; j < width; ++j) {
                float g[4];
                v.gradients(g, j, affine, p, window);
#pragma unroll
                for (int k = 0; k < 4; ++k) {
                    sum[j] += g[k];
                    product[j] = fmaf(g[k], to_float(v.x[k][j]) - affine.mean[j], product[j]);
                }
            }
        });
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

template <class T, int width, bool even>
__global__ void __launch_bounds__(threads, resident_dx)
    pooled_dx_kernel(PooledGradients<T> p, T* dx, NormChannels channels, const float* dgamma, const float* dbeta,
                     ChannelLayout at, WindowGrid grid, float inverse_count) {
    const ChannelThread self(at);
    if (!self.active) return;
    const NormAffine<width> affine(channels, at.channels, self.column);
    const NormCorrection<width> correction(channels, dgamma, dbeta, inverse_count, at.channels, self.column);
    const int c = self.column * width;
    for_windows<even>(grid, at, [&](const Window& window) {
        WindowVectors<T, width> v(p, window, at.channels, c);
#pragma unroll
        for (int j = 0; j < width; ++j) {
            float g[4];
            v.gradients(g, j, affine, p, window);
#pragma unroll
            for (int k = 0; k < 4; ++k) v.x[k][j] = from_float<T>(correction.dx(j, to_float(v.x[k][j]), g[k], affine));
        }
#pragma unroll
        for (int k = 0; k < 4; ++k)
            if (window.has[k]) store<width>(dx + std::int64_t{window.pixel[k]} * at.channels + c, v.x[k]);
    });
}

}  // namespace

template <class T>
void normalise_and_pool(const char* name, const Tensor& x, const ChannelSlice& y, const Tensor& pooled,
                        const NormChannels& channels, bool relu) {
    constexpr int widest = vector_width<T>;
    const WindowGrid grid(x);
    T* const first = y.tensor.data<T>() + y.begin;
    const auto stride = static_cast<int>(y.tensor.dim(3));
    ChannelLayout at = window_layout(
        x, grid, widest, aligned_to(x, 16) && aligned_to(pooled, 16) && aligned_to(first, 16) && stride % widest == 0);
    with_width<widest>(at, [&](auto width) {
        const auto kernel =
            grid.even() ? normalise_and_pool_kernel<T, width, true> : normalise_and_pool_kernel<T, width, false>;
        const LaunchShape shape = at.shape(kernel);
        launch(name, kernel, shape, x.data<T>(), first, stride, pooled.data<T>(), channels, at, grid,
               relu ? 0.0f : -INFINITY);
    });
}

template <class T>
void pooled_backward(const Tensor& x, const ChannelSlice& dy, const Tensor& dpooled, const NormChannels& channels,
                     const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta, bool relu) {
    constexpr std::size_t bytes = widest * sizeof(T);
    const WindowGrid grid(x);
    const float lowest = relu ? 0.0f : -INFINITY;
    const PooledGradients<T> p = {x.data<T>(),
                                  dy ? dy.tensor.data<T>() + dy.begin : nullptr,
                                  dpooled.data<T>(),
                                  dy ? static_cast<int>(dy.tensor.dim(3)) : 0,
                                  lowest,
                                  lowest};
    const bool aligned = aligned_to(x, bytes) && aligned_to(dpooled, bytes) && aligned_to(dx, bytes) &&
                         aligned_to(p.dy, bytes) && p.stride % widest == 0;
    ChannelLayout at = window_layout(x, grid, widest, aligned);
    with_width<widest>(at, [&](auto width) {
        const auto sums = grid.even() ? pooled_sums_kernel<T, width, true> : pooled_sums_kernel<T, width, false>;
        const LaunchShape shape = at.shape(sums);
        const ChannelScratch scratch(at);
        launch("batch_norm_backward, pooled sums", sums, shape, p, channels, scratch.partials, at, grid,
               dgamma.data<float>(), dbeta.data<float>());
        const BatchSums whole(x, dgamma, dbeta);
        const auto kernel = grid.even() ? pooled_dx_kernel<T, width, true> : pooled_dx_kernel<T, width, false>;
        const LaunchShape dx_shape = at.shape(kernel);
        launch("batch_norm_backward, pooled dx", kernel, dx_shape, p, dx.data<T>(), channels, whole.dgamma, whole.dbeta,
               at, grid, whole.inverse_count);
    });
}

#define CAMBER_INSTANTIATE(T)                                                                                \
    template void normalise_and_pool<T>(const char*, const Tensor&, const ChannelSlice&, const Tensor&,      \
                                        const NormChannels&, bool);                                          \
    template void pooled_backward<T>(const Tensor&, const ChannelSlice&, const Tensor&, const NormChannels&, \
                                     const Tensor&, const Tensor&, const Tensor&, bool);
CAMBER_INSTANTIATE(float)
CAMBER_INSTANTIATE(bf16)
#undef CAMBER_INSTANTIATE

}  // namespace camber::CAMBER_GPU
