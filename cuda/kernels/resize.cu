/// Nearest and bilinear resizing of activations [N, H, W, C] in the corner conventions of ResizeMode.
///
/// Where output o falls on the input is the fraction (step * o + offset) / denominator in whole numbers, so that which
/// pixels are read is exact and backward knows without searching which outputs read an input. Bytes: x and y once:
/// [16, 128, 128, 64] to [16, 256, 256, 64] in bf16 is 168 MB; operations: four fused multiply-adds an output element,
/// so it is bound by memory. Strategy: separable.h's gather; bilinear to twice the size, as in decoders, has kernels of
/// its own, with the same results, whose weights are three a picture: forward, the four outputs between four inputs are
/// one thread's work for 16 bytes of channels, backward the 16 outputs that one input is in.
#include <camber/error.h>

#include <limits>

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/separable.h"

namespace camber::CAMBER_GPU {
namespace {

/// One axis from `in` to `out` pixels.
struct Mapping {
    int in, out;
    int step = 0, offset = 0, denominator = 1;
    float pixel = 0;  ///< 1 / denominator

    Mapping(std::int64_t in_, std::int64_t out_, ResizeMode mode)
        : in(static_cast<int>(in_)), out(static_cast<int>(out_)) {
        if (2 * (in_ + 1) * (out_ + 1) > std::numeric_limits<int>::max())
            fail("the {} device does not resize {} pixels to {}", name(this_device), in_, out_);
        switch (mode) {
            case ResizeMode::nearest:
                step = in, offset = 0, denominator = out;
                break;
            case ResizeMode::nearest_half_pixel:
                step = 2 * in, offset = in, denominator = 2 * out;
                break;
            case ResizeMode::bilinear:
                step = 2 * in, offset = in - out, denominator = 2 * out;
                break;
            case ResizeMode::bilinear_align_corners:
                step = in - 1, offset = 0, denominator = std::max(out - 1, 1);
                break;
        }
        pixel = 1.0f / static_cast<float>(denominator);
    }
};

/// The first output at or after, and the first after, input position `i`. Every dividend is at least 0, so the division
/// rounds down.
__device__ __forceinline__ int first_at(const Mapping& m, int i) {
    return (i * m.denominator - m.offset + m.step - 1) / m.step;
}
__device__ __forceinline__ int first_after(const Mapping& m, int i) {
    return (i * m.denominator - m.offset + m.step) / m.step;
}

/// Where output o falls, in units of 1 / denominator of an input pixel, kept on the image.
__device__ __forceinline__ int position(const Mapping& m, int o) {
    return min(max(m.step * o + m.offset, 0), (m.in - 1) * m.denominator);
}

/// How much of input i is in output o, for positions less than a pixel apart: 1 where they agree.
__device__ __forceinline__ float hat(const Mapping& m, int o, int i) {
    // Subtracted in whole numbers: "1 - distance * pixel" would be rounded otherwise where it is a fused operation.
    return static_cast<float>(m.denominator - abs(position(m, o) - i * m.denominator)) * m.pixel;
}

struct NearestAxis {
    static constexpr int static_taps = 1;
    Mapping m;

    int taps() const { return 1; }
    __device__ __forceinline__ Range range(int o) const {
        const int i = (m.step * o + m.offset) / m.denominator;
        return {i, i + 1};
    }
    __device__ __forceinline__ float weight(int, int) const { return 1; }
};

struct NearestGradientAxis {
    static constexpr int static_taps = 0;
    Mapping m;

    int taps() const { return (m.out + m.in - 1) / m.in; }
    __device__ __forceinline__ Range range(int i) const { return {first_at(m, i), first_at(m, i + 1)}; }
    __device__ __forceinline__ float weight(int, int) const { return 1; }
};

/// Where every input is in two outputs.
struct NearestDoublingGradientAxis {
    static constexpr int static_taps = 2;

    int taps() const { return 2; }
    __device__ __forceinline__ Range range(int i) const { return {2 * i, 2 * i + 2}; }
    __device__ __forceinline__ float weight(int, int) const { return 1; }
};

struct BilinearAxis {
    static constexpr int static_taps = 2;
    Mapping m;

    int taps() const { return 2; }
    __device__ __forceinline__ Range range(int o) const {
        const int at = position(m, o), low = at / m.denominator;
        return {low, at > low * m.denominator ? low + 2 : low + 1};
    }
    __device__ __forceinline__ float weight(int o, int i) const { return hat(m, o, i); }
};

struct BilinearGradientAxis {
    static constexpr int static_taps = 0;
    Mapping m;

    int taps() const { return std::min(m.out, (2 * m.out + m.in - 1) / m.in); }
    /// Outputs less than a pixel away; the first and last input have those beyond the border as well.
    __device__ __forceinline__ Range range(int i) const {
        return {i == 0 ? 0 : first_after(m, i - 1), i == m.in - 1 ? m.out : min(first_at(m, i + 1), m.out)};
    }
    __device__ __forceinline__ float weight(int i, int o) const { return hat(m, o, i); }
};

/// An axis to twice the size: an output is a quarter of a pixel from one input and three quarters from another, or
/// beyond the border, where it is an input's alone.
struct Doubling {
    int in, out;
    float near, far, edge;  ///< as hat()

    explicit Doubling(const Mapping& m)
        : in(m.in),
          out(m.out),
          near(static_cast<float>(3 * m.in) * m.pixel),
          far(static_cast<float>(m.in) * m.pixel),
          edge(static_cast<float>(m.denominator) * m.pixel) {}
    /// How much of input i is in output o, for 2 * i - 1 <= o <= 2 * i + 2.
    __device__ __forceinline__ float weight(int o, int i) const {
        if (o == 0 || o == out - 1) return edge;
        return o == 2 * i || o == 2 * i + 1 ? near : far;
    }
};

/// v = a pixel's channels, zeros where it is beyond the image: chosen after the load, which thus waits for no branch.
template <class T, int width>
__device__ __forceinline__ void load_or_zero(float (&v)[width], const T* pixel, bool inside, const T* instead) {
    const Vec<T, width> loaded = load<width>(inside ? pixel : instead);
#pragma unroll
    for (int k = 0; k < width; ++k) v[k] = inside ? float_at(loaded, k) : 0.0f;
}

/// Over `corners`, where four inputs meet, or fewer at the border.
template <class T, int width>
__global__ void __launch_bounds__(pixel_threads)
    double_kernel(const T* x, T* y, Extents in, Extents out, Extents corners, Doubling rows, Doubling columns) {
    for_pixels<width>(corners, [&](int n, int row, int column, int c) {
        float v[4][width];
#pragma unroll
        for (int t = 0; t < 4; ++t) {
            const int i = row - 1 + t / 2, j = column - 1 + t % 2;
            const bool inside = i >= 0 && i < in.h && j >= 0 && j < in.w;
            load_or_zero(v[t], x + in.at(n, i, j) + c, inside, x);
        }
#pragma unroll
        for (int p = 0; p < 4; ++p) {
            const int o = 2 * row - 1 + p / 2, u = 2 * column - 1 + p % 2;
            if (o < 0 || o >= out.h || u < 0 || u >= out.w) continue;
            float sum[width] = {};
#pragma unroll
            for (int t = 0; t < 4; ++t) {
                const float weight = rows.weight(o, row - 1 + t / 2) * columns.weight(u, column - 1 + t % 2);
#pragma unroll
                for (int k = 0; k < width; ++k) sum[k] += weight * v[t][k];
            }
            Vec<T, width> result;
#pragma unroll
            for (int k = 0; k < width; ++k) result[k] = from_float<T>(sum[k]);
            store<width>(y + out.at(n, o, u) + c, result);
        }
    });
}

template <class T, int width>
__global__ void __launch_bounds__(pixel_threads)
    double_backward_kernel(const T* dy, T* dx, Extents in, Extents out, Doubling rows, Doubling columns) {
    for_pixels<width>(in, [&](int n, int row, int column, int c) {
        float sum[width] = {};
#pragma unroll
        for (int p = 0; p < 4; ++p) {
            const int o = 2 * row - 1 + p;
            if (o < 0 || o >= out.h) continue;
            const T* const first = dy + out.at(n, o, 2 * column) + c;  // the second of four; it and the third are there
            float v[4][width];
            load_or_zero(v[0], first - out.c, column > 0, first);
            load_or_zero(v[1], first, true, first);
            load_or_zero(v[2], first + out.c, true, first);
            load_or_zero(v[3], first + 2 * out.c, column < in.w - 1, first);
            const float weight_down = rows.weight(o, row);
#pragma unroll
            for (int q = 0; q < 4; ++q) {
                const float weight = weight_down * columns.weight(2 * column - 1 + q, column);
#pragma unroll
                for (int k = 0; k < width; ++k) sum[k] += weight * v[q][k];
            }
        }
        Vec<T, width> result;
#pragma unroll
        for (int k = 0; k < width; ++k) result[k] = from_float<T>(sum[k]);
        store<width>(dx + in.at(n, row, column) + c, result);
    });
}

bool is_doubling(const Mapping& rows, const Mapping& columns) {
    return rows.out == 2 * rows.in && columns.out == 2 * columns.in;
}

bool is_nearest(ResizeMode mode) { return mode == ResizeMode::nearest || mode == ResizeMode::nearest_half_pixel; }

}  // namespace

void GpuBackend::resize(const Tensor& x, const Tensor& y, ResizeMode mode) {
    const Mapping rows(x.dim(1), y.dim(1), mode), columns(x.dim(2), y.dim(2), mode);
    if (is_nearest(mode)) {
        gather("resize", x, y, NearestAxis{rows}, NearestAxis{columns});
    } else if (mode == ResizeMode::bilinear && is_doubling(rows, columns)) {
        if (y.numel() == 0) return;
        dispatch_pixels(
            [&]<class T, int width>(T, std::integral_constant<int, width>) {
                const Extents in(x), out(y);
                Extents corners = in;
                ++corners.h, ++corners.w;
                launch("resize", double_kernel<T, width>, pixel_shape(corners, width), x.data<T>(), y.data<T>(), in,
                       out, corners, Doubling(rows), Doubling(columns));
            },
            x, y);
    } else {
        gather("resize", x, y, BilinearAxis{rows}, BilinearAxis{columns});
    }
}

void GpuBackend::resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) {
    const Mapping rows(dx.dim(1), dy.dim(1), mode), columns(dx.dim(2), dy.dim(2), mode);
    if (is_nearest(mode) && is_doubling(rows, columns)) {
        gather("resize_backward", dy, dx, NearestDoublingGradientAxis{}, NearestDoublingGradientAxis{});
    } else if (is_nearest(mode)) {
        gather("resize_backward", dy, dx, NearestGradientAxis{rows}, NearestGradientAxis{columns});
    } else if (mode == ResizeMode::bilinear && is_doubling(rows, columns)) {
        if (dx.numel() == 0) return;
        dispatch_pixels(
            [&]<class T, int width>(T, std::integral_constant<int, width>) {
                const Extents in(dx), out(dy);
                launch("resize_backward", double_backward_kernel<T, width>, pixel_shape(in, width), dy.data<T>(),
                       dx.data<T>(), in, out, Doubling(rows), Doubling(columns));
            },
            dy, dx);
    } else {
        gather("resize_backward", dy, dx, BilinearGradientAxis{rows}, BilinearGradientAxis{columns});
    }
}

}  // namespace camber::CAMBER_GPU
