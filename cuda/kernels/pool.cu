/// Maximum and average pooling of activations [N, H, W, C].
///
/// Bytes: forward reads x and writes y once; the backward of a maximum reads x and dy and writes dx, as no indices were
/// stored, and what it adds. 2x2 on [16, 256, 256, 64] bf16: 168 MB forward, 302 MB backward, 436 MB with something
/// added. Operations: a comparison an element of every window, so all is bound by memory.
/// Strategy: a thread makes 16 bytes of channels; windows that overlap meet in the caches. The backward of 2x2 windows,
/// which do not overlap, is a window a thread: it finds the maximum again and writes all four pixels. Otherwise a first
/// kernel finds where in each window the maximum is, a byte a window and channel where it has at most 256 pixels (17 MB
/// written and read again for 3x3 at a stride of 2), and in a second pixels gather from the windows that hold them.
/// Averages are separable.h's sums.
#include <limits>

#include "cuda/kernels/fast_divide.h"
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/separable.h"

namespace camber::CAMBER_GPU {
namespace {

/// Windows along an axis of `in` pixels.
struct Windows {
    int in, out, kernel, stride, pad;
    FastDivide by_stride = FastDivide(stride);

    /// The first pixel under window o, or the padding before it.
    __device__ __forceinline__ int first(int o) const { return o * stride - pad; }
    /// The pixel nearest to i, which may be in the padding.
    __device__ __forceinline__ int nearest(int i) const { return min(max(i, 0), in - 1); }
    /// The pixels under window o.
    __device__ __forceinline__ Range pixels(int o) const {
        const int begin = first(o);
        return {max(begin, 0), min(begin + kernel, in)};
    }
    /// The windows that hold pixel i.
    __device__ __forceinline__ Range holding(int i) const {
        const int begin = i + pad - kernel + 1;
        return {by_stride.quotient(max(begin + stride - 1, 0)), min(by_stride.quotient(i + pad) + 1, out)};
    }
};

Windows windows_down(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    return {static_cast<int>(x.dim(1)), static_cast<int>(y.dim(1)), p.kernel_h, p.stride_h, p.padding.top};
}
Windows windows_across(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    return {static_cast<int>(x.dim(2)), static_cast<int>(y.dim(2)), p.kernel_w, p.stride_w, p.padding.left};
}

/// 2x2 windows at a stride of 2 that begin at the image's corner. All are whole; with odd extents the last row or
/// column is in none.
bool is_2x2(const Windows& w) { return w.kernel == 2 && w.stride == 2 && w.pad == 0 && 2 * w.out <= w.in; }
bool is_3x3(const Windows& w) { return w.kernel == 3 && w.stride == 2; }

/// How many blocks of 2x2 pixels cover an image and the padding before it.
Extents blocks_2x2(const Extents& image, const Windows& down, const Windows& across) {
    Extents blocks = image;
    blocks.h = (down.pad + image.h + 1) / 2;
    blocks.w = (across.pad + image.w + 1) / 2;
    return blocks;
}

__device__ __forceinline__ float minus_infinity() { return -std::numeric_limits<float>::infinity(); }

/// The larger, NaN where either is.
__device__ __forceinline__ float maximum(float a, float b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    float larger;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
    return larger;
#else
    return a >= b || a != a ? a : b;
#endif
}

template <class T, int width>
__device__ __forceinline__ void take_maximum(float (&largest)[width], const T* pixel) {
    const Vec<T, width> v = load<width>(pixel);
#pragma unroll
    for (int k = 0; k < width; ++k) largest[k] = maximum(largest[k], to_float(v[k]));
}

/// `kernel`: the extents of the window where they are known to the compiler, else 0; `whole`: no window is cut. In the
/// place of padding, which is narrower than a window, stands the nearest pixel, so that no load waits for a branch.
template <class T, int width, int kernel, bool whole>
__global__ void __launch_bounds__(pixel_threads)
    max_pool2d_kernel(const T* x, T* y, Extents in, Extents out, Windows down, Windows across) {
    for_pixels<width>(out, [&](int n, int row, int column, int c) {
        float largest[width];
#pragma unroll
        for (int k = 0; k < width; ++k) largest[k] = minus_infinity();
        if constexpr (kernel > 0) {
            const int top = down.first(row), left = across.first(column);
#pragma unroll
            for (int a = 0; a < kernel; ++a)
#pragma unroll
                for (int b = 0; b < kernel; ++b) {
                    const int i = whole ? top + a : down.nearest(top + a);
                    const int j = whole ? left + b : across.nearest(left + b);
                    take_maximum(largest, x + in.at(n, i, j) + c);
                }
        } else {
            const Range r = down.pixels(row), s = across.pixels(column);
#pragma unroll 1
            for (int i = r.begin; i < r.end; ++i)
#pragma unroll 4
                for (int j = s.begin; j < s.end; ++j) take_maximum(largest, x + in.at(n, i, j) + c);
        }
        Vec<T, width> result;
#pragma unroll
        for (int k = 0; k < width; ++k) result[k] = from_float<T>(largest[k]);
        store<width>(y + out.at(n, row, column) + c, result);
    });
}

/// What is added to every pixel of a gradient: channels of a wider one.
template <class T>
struct Addend {
    const T* first;  ///< channel of the first pixel; null: nothing
    int stride;

    explicit Addend(const ChannelSlice& slice)
        : first(slice ? slice.tensor.data<T>() + slice.begin : nullptr),
          stride(slice ? static_cast<int>(slice.tensor.dim(3)) : 0) {}
    /// Whether every pixel's channels are aligned to a 16-byte access.
    bool aligned() const { return aligned_to(first, 16) && stride % vector_width<T> == 0; }
    template <int width>
    __device__ __forceinline__ Vec<T, width> at(const Extents& in, int n, int row, int column, int c) const {
        const std::int64_t pixel = (static_cast<std::int64_t>(n) * in.h + row) * in.w + column;
        return load<width>(first + pixel * stride + c);
    }
    /// A pixel of dx = sum and what is added.
    template <int width>
    __device__ __forceinline__ void store_sum(float (&sum)[width], T* dx, const Extents& in, int n, int row, int column,
                                              int c) const {
        if (first) {
            const Vec<T, width> more = at<width>(in, n, row, column, c);
#pragma unroll
            for (int k = 0; k < width; ++k) sum[k] += to_float(more[k]);
        }
        Vec<T, width> result;
#pragma unroll
        for (int k = 0; k < width; ++k) result[k] = from_float<T>(sum[k]);
        store<width>(dx + in.at(n, row, column) + c, result);
    }
};

/// Over `blocks`, the 2x2 blocks that cover dx: those of y, and with odd extents a row and column more.
template <class T, int width, bool adds>
__global__ void __launch_bounds__(pixel_threads)
    max_pool2x2_backward_kernel(const T* x, const T* dy, Addend<T> addend, T* dx, Extents in, Extents out,
                                Extents blocks) {
    for_pixels<width>(blocks, [&](int n, int row, int column, int c) {
        const bool in_window = row < out.h && column < out.w;
        Vec<T, width> v[4] = {}, g = {};
        if (in_window) {
#pragma unroll
            for (int p = 0; p < 4; ++p) v[p] = load<width>(x + in.at(n, 2 * row + p / 2, 2 * column + p % 2) + c);
            g = load<width>(dy + out.at(n, row, column) + c);
        }
        int best[width];
#pragma unroll
        for (int k = 0; k < width; ++k) {
            float largest = to_float(v[0][k]);
            best[k] = 0;
#pragma unroll
            for (int p = 1; p < 4; ++p) {
                const float value = to_float(v[p][k]);
                if (!(value <= largest) && largest == largest) {  // NaN is larger than any number
                    largest = value;
                    best[k] = p;
                }
            }
        }
#pragma unroll
        for (int p = 0; p < 4; ++p) {
            const int i = 2 * row + p / 2, j = 2 * column + p % 2;
            if (!in_window && (i >= in.h || j >= in.w)) continue;
            Vec<T, width> result;
#pragma unroll
            for (int k = 0; k < width; ++k) result[k] = best[k] == p ? g[k] : T(0.0f);
            if constexpr (adds) {
                const Vec<T, width> more = addend.template at<width>(in, n, i, j, c);
#pragma unroll
                for (int k = 0; k < width; ++k) result[k] = from_float<T>(to_float(more[k]) + to_float(result[k]));
            }
            store<width>(dx + in.at(n, i, j) + c, result);
        }
    });
}

/// positions = where in its window each maximum is, counted row by row from the window's corner: the first of equals,
/// the first NaN if there is one. `kernel`: as above.
template <class T, int width, class Index, int kernel>
__global__ void __launch_bounds__(pixel_threads)
    max_positions_kernel(const T* x, Index* positions, Extents in, Extents out, Windows down, Windows across) {
    for_pixels<width>(out, [&](int n, int row, int column, int c) {
        const int top = down.first(row), left = across.first(column);
        float largest[width];
        int best[width];
#pragma unroll
        for (int k = 0; k < width; ++k) {
            largest[k] = minus_infinity();
            best[k] = max(-top, 0) * across.kernel + max(-left, 0);
        }
        const auto take = [&](int i, int j) {
            const Vec<T, width> v = load<width>(x + in.at(n, i, j) + c);
            const int position = (i - top) * across.kernel + j - left;
#pragma unroll
            for (int k = 0; k < width; ++k) {
                const float value = float_at(v, k);
                if (!(value <= largest[k]) && largest[k] == largest[k]) {  // NaN is larger than any number
                    largest[k] = value;
                    best[k] = position;
                }
            }
        };
        if constexpr (kernel > 0) {
#pragma unroll
            for (int a = 0; a < kernel; ++a)
#pragma unroll
                for (int b = 0; b < kernel; ++b) take(down.nearest(top + a), across.nearest(left + b));
        } else {
            const Range r = down.pixels(row), s = across.pixels(column);
#pragma unroll 1
            for (int i = r.begin; i < r.end; ++i)
#pragma unroll 4
                for (int j = s.begin; j < s.end; ++j) take(i, j);
        }
        Vec<Index, width> result;
#pragma unroll
        for (int k = 0; k < width; ++k) result[k] = static_cast<Index>(best[k]);
        store<width>(positions + out.at(n, row, column) + c, result);
    });
}

template <class T, int width, class Index>
__global__ void __launch_bounds__(pixel_threads)
    max_pool2d_backward_kernel(const Index* positions, const T* dy, Addend<T> addend, T* dx, Extents in, Extents out,
                               Windows down, Windows across) {
    for_pixels<width>(in, [&](int n, int row, int column, int c) {
        const Range r = down.holding(row), s = across.holding(column);
        float sum[width] = {};
#pragma unroll 1
        for (int i = r.begin; i < r.end; ++i)
#pragma unroll 2
            for (int j = s.begin; j < s.end; ++j) {
                const int own = (row - down.first(i)) * across.kernel + column - across.first(j);
                const Vec<Index, width> position = load<width>(positions + out.at(n, i, j) + c);
                const Vec<T, width> g = load<width>(dy + out.at(n, i, j) + c);
#pragma unroll
                for (int k = 0; k < width; ++k)
                    if (static_cast<int>(position[k]) == own) sum[k] += to_float(g[k]);
            }
        addend.store_sum(sum, dx, in, n, row, column, c);
    });
}

/// Windows of 3x3 at a stride of 2, over `blocks` of 2x2 pixels that begin where windows do: a block is held by its own
/// window, and its first row and column by the windows before that.
template <class T, int width>
__global__ void __launch_bounds__(pixel_threads, 3)
    max_pool3x3_backward_kernel(const std::uint8_t* positions, const T* dy, Addend<T> addend, T* dx, Extents in,
                                Extents out, Extents blocks, Windows down, Windows across) {
    for_pixels<width>(blocks, [&](int n, int row, int column, int c) {
        Vec<std::uint8_t, width> position[4];
        Vec<T, width> g[4];
#pragma unroll
        for (int w = 0; w < 4; ++w) {
            const int i = row - 1 + w / 2, j = column - 1 + w % 2;
            const bool inside = i >= 0 && i < out.h && j >= 0 && j < out.w;
            const std::int64_t window = inside ? out.at(n, i, j) + c : 0;
            position[w] = load<width>(positions + window);
            g[w] = load<width>(dy + window);
#pragma unroll
            for (int k = 0; k < width; ++k) position[w][k] = inside ? position[w][k] : 255;
        }
        float sum[4][width] = {};
#pragma unroll
        for (int w = 0; w < 4; ++w)
#pragma unroll
            for (int p = 0; p < 4; ++p) {
                const int a = p / 2 + 2 - w / 2 * 2, b = p % 2 + 2 - w % 2 * 2;  // of the pixel, in the window
                if (a > 2 || b > 2) continue;
#pragma unroll
                for (int k = 0; k < width; ++k)
                    if (position[w][k] == a * 3 + b) sum[p][k] += float_at(g[w], k);
            }
#pragma unroll
        for (int p = 0; p < 4; ++p) {
            const int i = down.first(row) + p / 2, j = across.first(column) + p % 2;
            if (i >= 0 && i < in.h && j >= 0 && j < in.w) addend.store_sum(sum[p], dx, in, n, i, j, c);
        }
    });
}

/// Where the maxima of dy's windows are. `kernel`: of max_positions_kernel, `index`: the dtype of Index.
template <class T, int width, class Index, int kernel>
Tensor max_positions(const Tensor& x, const Tensor& dy, Dtype index, const Windows& down, const Windows& across) {
    const Extents in(x), out(dy);
    const Tensor positions = Tensor::empty(dy.shape(), index, this_device);
    launch("max_pool2d_backward, positions", max_positions_kernel<T, width, Index, kernel>, pixel_shape(out, width),
           x.data<T>(), positions.data<Index>(), in, out, down, across);
    return positions;
}

template <class T, int width, class Index>
void gather_maxima(const Tensor& positions, const Tensor& dy, const Addend<T>& addend, const Tensor& dx,
                   const Windows& down, const Windows& across) {
    const Extents in(dx), out(dy);
    launch("max_pool2d_backward", max_pool2d_backward_kernel<T, width, Index>, pixel_shape(in, width),
           positions.data<Index>(), dy.data<T>(), addend, dx.data<T>(), in, out, down, across);
}

/// An axis of averages for separable.h: every pixel of a window weighs one over its length.
struct AverageAxis {
    static constexpr int static_taps = 0;
    Windows windows;
    bool count_include_pad;

    int taps() const { return windows.kernel; }
    __device__ __forceinline__ Range range(int o) const { return windows.pixels(o); }
    __device__ __forceinline__ float weight(int o, int) const {
        const Range pixels = windows.pixels(o);
        return __fdividef(1.0f, static_cast<float>(count_include_pad ? windows.kernel : pixels.end - pixels.begin));
    }
};

struct AverageGradientAxis {
    static constexpr int static_taps = 0;
    AverageAxis forward;

    /// As many windows as hold a pixel, or as there are: one for the mean over the image.
    int taps() const {
        return std::min((forward.windows.kernel + forward.windows.stride - 1) / forward.windows.stride,
                        forward.windows.out);
    }
    __device__ __forceinline__ Range range(int i) const { return forward.windows.holding(i); }
    __device__ __forceinline__ float weight(int, int o) const { return forward.weight(o, 0); }
};

}  // namespace

void GpuBackend::max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    if (y.numel() == 0) return;
    const Windows down = windows_down(x, y, p), across = windows_across(x, y, p);
    dispatch_pixels(
        [&]<class T, int width>(T, std::integral_constant<int, width>) {
            const Extents in(x), out(y);
            auto* kernel = max_pool2d_kernel<T, width, 0, false>;
            if (is_2x2(down) && is_2x2(across)) {
                kernel = max_pool2d_kernel<T, width, 2, true>;
            } else if (p.kernel_h == 3 && p.kernel_w == 3) {
                kernel = max_pool2d_kernel<T, width, 3, false>;
            }
            launch("max_pool2d", kernel, pixel_shape(out, width), x.data<T>(), y.data<T>(), in, out, down, across);
        },
        x, y);
}

void GpuBackend::max_pool2d_backward(const Tensor& x, const Tensor&, const Tensor& dy, const ChannelSlice& addend,
                                     const Tensor& dx, const Pool2dParams& p) {
    if (dx.numel() == 0) return;
    const Windows down = windows_down(x, dy, p), across = windows_across(x, dy, p);
    const auto run = [&]<class T, int width>(T, std::integral_constant<int, width>) {
        const Addend<T> more(addend);
        if (is_2x2(down) && is_2x2(across)) {
            const Extents in(x), out(dy), blocks = blocks_2x2(in, down, across);
            launch("max_pool2d_backward",
                   addend ? max_pool2x2_backward_kernel<T, width, true> : max_pool2x2_backward_kernel<T, width, false>,
                   pixel_shape(blocks, width), x.data<T>(), dy.data<T>(), more, dx.data<T>(), in, out, blocks);
        } else if (is_3x3(down) && is_3x3(across)) {
            const Tensor positions = max_positions<T, width, std::uint8_t, 3>(x, dy, Dtype::u8, down, across);
            const Extents in(x), out(dy), blocks = blocks_2x2(in, down, across);
            launch("max_pool2d_backward", max_pool3x3_backward_kernel<T, width>, pixel_shape(blocks, width),
                   positions.data<std::uint8_t>(), dy.data<T>(), more, dx.data<T>(), in, out, blocks, down, across);
        } else if (std::int64_t{p.kernel_h} * p.kernel_w <= 256) {
            const Tensor positions = max_positions<T, width, std::uint8_t, 0>(x, dy, Dtype::u8, down, across);
            gather_maxima<T, width, std::uint8_t>(positions, dy, more, dx, down, across);
        } else {
            const Tensor positions = max_positions<T, width, std::int32_t, 0>(x, dy, Dtype::i32, down, across);
            gather_maxima<T, width, std::int32_t>(positions, dy, more, dx, down, across);
        }
    };
    dispatch_pixels(
        [&]<class T, int width>(T t, std::integral_constant<int, width> whole) {
            if (addend && !Addend<T>(addend).aligned()) return run(t, std::integral_constant<int, 1>{});
            run(t, whole);
        },
        x, dy, dx);
}

void GpuBackend::avg_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) {
    gather("avg_pool2d", x, y, AverageAxis{windows_down(x, y, p), p.count_include_pad},
           AverageAxis{windows_across(x, y, p), p.count_include_pad});
}

void GpuBackend::avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) {
    gather("avg_pool2d_backward", dy, dx, AverageGradientAxis{{windows_down(dx, dy, p), p.count_include_pad}},
           AverageGradientAxis{{windows_across(dx, dy, p), p.count_include_pad}});
}

}  // namespace camber::CAMBER_GPU
