#pragma once
#include <algorithm>

#include "cuda/kernels/pixels.h"

/// What average pooling, resizing and their backward steps have in common: every output pixel is a weighted sum of a
/// rectangle of input pixels,
///
///     y[n, i, j, :] = sum over r in rows.range(i), s in columns.range(j) of rows.weight(i, r) * columns.weight(j, s) *
///                     x[n, r, s, :],
///
/// so each is two axes: a range and a weight for every output coordinate. A backward step is a sum too, over the
/// outputs that read an input, hence without atomics and in a fixed order.
///
/// Bytes: x and y once each, as a neighbour's reads of the same pixels are served by the caches. Operations: one fused
/// multiply-add for every element of the rectangle. Small rectangles are one thread's work for 16 bytes of channels.
/// Large ones (a global pool) are shared out among a block's threads, and among blocks where a rectangle is larger than
/// 32 Ki elements, whose sums a second kernel adds up.
namespace camber::CAMBER_GPU {

/// Coordinates [begin, end).
struct Range {
    int begin, end;
};

/// An axis also has taps(), about the length of its longest range. `static_taps` > 0: the most elements in a range,
/// known to the compiler. (Four blocks a multiprocessor: left alone, ptxas spills a register to fit five.)
template <class T, int width, class Axis>
__global__ void __launch_bounds__(pixel_threads, 4)
    gather_kernel(const T* x, T* y, Extents in, Extents out, Axis rows, Axis columns) {
    for_pixels<width>(out, [&](int n, int row, int column, int c) {
        const Range r = rows.range(row), s = columns.range(column);
        float sum[width] = {};
        const auto add = [&](int i, int j, float weight) {
            const Vec<T, width> v = load<width>(x + in.at(n, i, j) + c);
#pragma unroll
            for (int k = 0; k < width; ++k) sum[k] += weight * to_float(v[k]);
        };
        if constexpr (Axis::static_taps > 0) {
#pragma unroll
            for (int a = 0; a < Axis::static_taps; ++a)
#pragma unroll
                for (int b = 0; b < Axis::static_taps; ++b) {
                    const int i = r.begin + a, j = s.begin + b;
                    if (i < r.end && j < s.end) add(i, j, rows.weight(row, i) * columns.weight(column, j));
                }
        } else {
#pragma unroll 1
            for (int i = r.begin; i < r.end; ++i) {
                const float weight = rows.weight(row, i);
#pragma unroll 4
                for (int j = s.begin; j < s.end; ++j) add(i, j, weight * columns.weight(column, j));
            }
        }
        Vec<T, width> result;
#pragma unroll
        for (int k = 0; k < width; ++k) result[k] = from_float<T>(sum[k]);
        store<width>(y + out.at(n, row, column) + c, result);
    });
}

/// A block makes part blockIdx.x % parts of the sum for pixel blockIdx.x / parts: threads are (channels, members), the
/// members (a power of two) take every blockDim.y-th pixel of the rectangle, then add up in pairs. Writes y where there
/// is one part, else `partial` [parts, pixels, C].
template <class T, int width, class Axis>
__global__ void __launch_bounds__(pixel_threads)
    gather_large_kernel(const T* x, T* y, float* partial, Extents in, Extents out, Axis rows, Axis columns, int parts) {
    SHARED_MEMORY(sums, float[pixel_threads][width]);
    const int part = static_cast<int>(blockIdx.x) % parts, pixel = static_cast<int>(blockIdx.x) / parts;
    const int line = pixel / out.w, column = pixel % out.w;  // line: of all images
    const int n = line / out.h, row = line % out.h;
    const int member = static_cast<int>(threadIdx.y), members = static_cast<int>(blockDim.y);
    const int c = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x) * width;
    const Range r = rows.range(row), s = columns.range(column);
    const int total = (r.end - r.begin) * (s.end - s.begin), across = max(s.end - s.begin, 1);
    const int share = (total + parts - 1) / parts, last = min((part + 1) * share, total);

    float sum[width] = {};
    if (c < in.c) {
        int at = part * share + member;
        int i = r.begin + at / across, j = s.begin + at % across;
        const int step_rows = members / across, step_columns = members % across;
#pragma unroll 4
        for (; at < last; at += members) {
            const float weight = rows.weight(row, i) * columns.weight(column, j);
            const Vec<T, width> v = load<width>(x + in.at(n, i, j) + c);
#pragma unroll
            for (int k = 0; k < width; ++k) sum[k] += weight * to_float(v[k]);
            i += step_rows;
            j += step_columns;
            if (j >= s.end) {
                j -= across;
                ++i;
            }
        }
    }

    float(*mine)[width] = sums + member * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
    for (int k = 0; k < width; ++k) (*mine)[k] = sum[k];
    for (int half = members / 2; half > 0; half /= 2) {
        __syncthreads();
        if (member < half) {
#pragma unroll
            for (int k = 0; k < width; ++k) (*mine)[k] = sum[k] += mine[half * static_cast<int>(blockDim.x)][k];
        }
    }
    if (member > 0 || c >= in.c) return;
    const std::int64_t target = static_cast<std::int64_t>(pixel) * in.c + c;
    const std::int64_t elements = static_cast<std::int64_t>(out.n) * out.h * out.w * out.c;
#pragma unroll
    for (int k = 0; k < width; ++k) {
        if (parts == 1) {
            y[target + k] = from_float<T>(sum[k]);
        } else {
            partial[part * elements + target + k] = sum[k];
        }
    }
}

template <class T>
__global__ void __launch_bounds__(pixel_threads)
    sum_parts_kernel(const float* partial, T* y, std::int64_t elements, int parts) {
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * pixel_threads + threadIdx.x;
    if (i >= elements) return;
    float sum = 0;
#pragma unroll 32
    for (int part = 0; part < parts; ++part) sum += partial[part * elements + i];
    y[i] = from_float<T>(sum);
}

template <class T, int width, class Axis>
void gather_large(const char* name, const Tensor& x, const Tensor& y, const Axis& rows, const Axis& columns) {
    constexpr std::int64_t elements_per_block = 32 * 1024;
    const Extents in(x), out(y);
    const int channels = std::min(in.c / width, 32);
    int members = 1;
    while (members * 2 * channels <= pixel_threads) members *= 2;
    const std::int64_t pixels = y.numel() / in.c;
    const std::int64_t elements = static_cast<std::int64_t>(rows.taps()) * columns.taps() * channels * width;
    const auto parts = static_cast<int>(std::clamp<std::int64_t>(elements / elements_per_block, 1, 256));
    const Tensor partial = parts > 1 ? Tensor::empty({parts * y.numel()}, Dtype::f32, this_device) : Tensor();
    const LaunchShape shape = {dim3(blocks_for(pixels * parts, 1), blocks_for(in.c / width, channels)),
                               dim3(static_cast<unsigned>(channels), static_cast<unsigned>(members))};
    launch(name, gather_large_kernel<T, width, Axis>, shape, x.data<T>(), y.data<T>(), pointer<float>(partial), in, out,
           rows, columns, parts);
    if (parts > 1) {
        launch(name, sum_parts_kernel<T>, {blocks_for(y.numel(), pixel_threads), pixel_threads}, partial.data<float>(),
               y.data<T>(), y.numel(), parts);
    }
}

/// y = the sums over rectangles of x that the axes say.
template <class Axis>
void gather(const char* name, const Tensor& x, const Tensor& y, const Axis& rows, const Axis& columns) {
    if (y.numel() == 0) return;
    dispatch_pixels(
        [&]<class T, int width>(T, std::integral_constant<int, width>) {
            if (static_cast<std::int64_t>(rows.taps()) * columns.taps() > 64) {
                gather_large<T, width>(name, x, y, rows, columns);
            } else {
                const Extents out(y);
                launch(name, gather_kernel<T, width, Axis>, pixel_shape(out, width), x.data<T>(), y.data<T>(),
                       Extents(x), out, rows, columns);
            }
        },
        x, y);
}

}  // namespace camber::CAMBER_GPU
