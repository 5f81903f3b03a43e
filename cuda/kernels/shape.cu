/// Copies between activations [N, H, W, C] of other extents: padding, cropping, concatenating and splitting channels,
/// and moving channels to pixels.
///
/// Bytes: every output element is read and written once: half of a [16, 256, 256, 128] bf16 concatenation is 268 MB.
/// No arithmetic, so elements are moved as units of bytes: 16 where all rows allow it, else one element. Strategy:
/// four independent units a thread in flight; neither kernel divides to find its place. Channels move to pixels in
/// registers: a thread reads factor^2 units that lie side by side, and writes a unit to each of factor^2 pixels; back
/// by a factor of 2, a quarter of a unit of each of them is one unit.
#include <algorithm>

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/pixels.h"
#include "cuda/kernels/sum_channels.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;
constexpr int units_in_flight = 4;  ///< a thread

/// Calls f(Unit{}, elements in a unit) with the largest unit that divides all of `lengths`, which count elements of x,
/// and to whose size x and y are aligned.
template <class F>
void dispatch_units(const Tensor& x, const Tensor& y, std::initializer_list<std::int64_t> lengths, F&& f) {
    const auto element = static_cast<std::int64_t>(size_of(x.dtype()));
    const std::int64_t wide = 16 / element;
    const bool divisible = std::all_of(lengths.begin(), lengths.end(), [=](auto n) { return n % wide == 0; });
    if (divisible && aligned_to(x, 16) && aligned_to(y, 16)) return f(uint4{}, static_cast<int>(wide));
    switch (element) {
        case 4:
            return f(unsigned{}, 1);
        case 2:
            return f(static_cast<unsigned short>(0), 1);
        default:
            fail("the {} device does not copy {}", name(this_device), name(x.dtype()));
    }
}

/// Rows of `from` and `to` units; y's unit u of a row is x's unit u - shift. Blocks are (parts of a row, rows, images).
template <class Unit>
__global__ void __launch_bounds__(threads)
    pad2d_kernel(const Unit* x, Unit* y, int from_rows, int from, int to_rows, int to, int top, int shift) {
    const int first = static_cast<int>(blockIdx.x) * (threads * units_in_flight) + static_cast<int>(threadIdx.x);
    const int n = static_cast<int>(blockIdx.z), row = static_cast<int>(blockIdx.y), source = row - top;
    const bool inside = source >= 0 && source < from_rows;
    const Unit* px = x + (static_cast<std::int64_t>(n) * from_rows + source) * from - shift;
    Unit* py = y + (static_cast<std::int64_t>(n) * to_rows + row) * to;
    Unit v[units_in_flight] = {};
#pragma unroll
    for (int k = 0; k < units_in_flight; ++k) {
        const int u = first + k * threads;
        if (inside && u >= shift && u - shift < from) v[k] = px[u];
    }
#pragma unroll
    for (int k = 0; k < units_in_flight; ++k) {
        const int u = first + k * threads;
        if (u < to) py[u] = v[k];
    }
}

/// Threads are (units of a pixel, pixels); `from` and `to` are the units between pixels of x and y.
template <class Unit>
__global__ void __launch_bounds__(threads)
    copy_channels_kernel(const Unit* x, Unit* y, std::int64_t pixels, int from, int to, int count) {
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.y * units_in_flight + threadIdx.y;
#pragma unroll 1  // one round, unless a pixel has more units than a block has threads for
    for (int u = static_cast<int>(threadIdx.x); u < count; u += static_cast<int>(blockDim.x)) {
        Unit v[units_in_flight];
#pragma unroll
        for (int k = 0; k < units_in_flight; ++k) {
            const std::int64_t pixel = first + k * static_cast<int>(blockDim.y);
            if (pixel < pixels) v[k] = x[pixel * from + u];
        }
#pragma unroll
        for (int k = 0; k < units_in_flight; ++k) {
            const std::int64_t pixel = first + k * static_cast<int>(blockDim.y);
            if (pixel < pixels) y[pixel * to + u] = v[k];
        }
    }
}

template <bool inverse, class T>
__device__ __forceinline__ void move(T& packed, T& spread) {
    if constexpr (inverse) {
        packed = spread;
    } else {
        spread = packed;
    }
}

/// pixel_shuffle from `packed` [N, H, W, C * factor^2] to `spread` [N, H * factor, W * factor, C], or back where
/// `inverse`. Over `pixels` [N, H, W, C]. `static_factor`: 0 where the compiler does not know it; `width` is 1 then.
template <class T, int width, int static_factor, bool inverse>
__global__ void __launch_bounds__(pixel_threads, 2)
    pixel_shuffle_kernel(T* packed, T* spread, Extents pixels, Extents large, int factor) {
    for_pixels<width>(pixels, [&](int n, int row, int column, int c) {
        const int r = static_factor > 0 ? static_factor : factor;
        T* group = packed + (pixels.at(n, row, column) + c) * (r * r);
        const auto pixel = [&](int i, int j) { return spread + large.at(n, row * r + i, column * r + j) + c; };
        if constexpr (static_factor > 0) {
            constexpr int positions = static_factor * static_factor, piece = vector_width<T>;
            constexpr int pieces = positions * width / piece;
            Vec<T, piece> grouped[pieces];
            Vec<T, width> pixels_of_group[positions];
            if constexpr (inverse) {
#pragma unroll
                for (int k = 0; k < positions; ++k)
                    pixels_of_group[k] = load<width>(pixel(k / static_factor, k % static_factor));
            } else {
#pragma unroll
                for (int k = 0; k < pieces; ++k) grouped[k] = load<piece>(group + k * piece);
            }
#pragma unroll
            for (int e = 0; e < positions * width; ++e)
                move<inverse>(grouped[e / piece][e % piece], pixels_of_group[e % positions][e / positions]);
            if constexpr (inverse) {
#pragma unroll
                for (int k = 0; k < pieces; ++k) store_global<piece>(group + k * piece, grouped[k]);
            } else {
#pragma unroll
                for (int k = 0; k < positions; ++k)
                    store<width>(pixel(k / static_factor, k % static_factor), pixels_of_group[k]);
            }
        } else {
#pragma unroll 1
            for (int i = 0; i < r; ++i)
                for (int j = 0; j < r; ++j) move<inverse>(group[i * r + j], *pixel(i, j));
        }
    });
}

template <bool inverse>
void shuffle(const char* name, const Tensor& packed, const Tensor& spread, int factor) {
    if (packed.numel() == 0) return;
    dispatch_pixels(
        [&]<class T, int width>(T, std::integral_constant<int, width>) {
            const Extents large(spread);
            Extents pixels(packed);
            pixels.c = large.c;
            const auto run = [&](auto* kernel, int channels) {
                launch(name, kernel, pixel_shape(pixels, channels), packed.data<T>(), spread.data<T>(), pixels, large,
                       factor);
            };
            if constexpr (width > 1) {
                // Back, so few channels a thread that what it writes is one piece of 16 bytes, beside its neighbour's.
                constexpr int of_two = inverse ? width / 4 : width;
                if (factor == 2) return run(pixel_shuffle_kernel<T, of_two, 2, inverse>, of_two);
                if (factor == 4) return run(pixel_shuffle_kernel<T, width, 4, inverse>, width);
            }
            run(pixel_shuffle_kernel<T, 1, 0, inverse>, 1);
        },
        spread, packed);
}

}  // namespace

void GpuBackend::pad2d(const Tensor& x, const Tensor& y, int top, int left) {
    if (y.numel() == 0) return;
    const Extents in(x), out(y);
    dispatch_units(x, y, {in.c}, [&]<class Unit>(Unit, int elements) {
        const int pixel = in.c / elements, row = out.w * pixel;
        launch("pad2d", pad2d_kernel<Unit>,
               {image_grid(blocks_for(row, threads * units_in_flight), out.h, out.n), threads},
               static_cast<const Unit*>(x.raw()), static_cast<Unit*>(y.raw()), in.h, in.w * pixel, out.h, row, top,
               left * pixel);
    });
}

void GpuBackend::copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin,
                               std::int64_t count, const Tensor& sums) {
    const std::int64_t from = x.shape().back(), to = y.shape().back();
    if (sums && x.numel() > 0 && to == count) return sum_channels({x, x_begin}, y, sums);
    if (sums) sum_channels({x, x_begin}, {}, sums);
    if (x.numel() == 0 || count == 0) return;
    dispatch_units(x, y, {from, to, x_begin, y_begin, count}, [&]<class Unit>(Unit, int elements) {
        const std::int64_t pixels = x.numel() / from;
        const int units = static_cast<int>(count) / elements, across = std::min(units, threads);
        const int down = static_cast<int>(std::min<std::int64_t>(threads / across, pixels));
        launch("copy_channels", copy_channels_kernel<Unit>,
               {blocks_for(pixels, down * units_in_flight),
                dim3(static_cast<unsigned>(across), static_cast<unsigned>(down))},
               static_cast<const Unit*>(x.raw()) + x_begin / elements, static_cast<Unit*>(y.raw()) + y_begin / elements,
               pixels, static_cast<int>(from) / elements, static_cast<int>(to) / elements, units);
    });
}

void GpuBackend::pixel_shuffle(const Tensor& x, const Tensor& y, int factor) {
    shuffle<false>("pixel_shuffle", x, y, factor);
}

void GpuBackend::pixel_unshuffle(const Tensor& x, const Tensor& y, int factor) {
    shuffle<true>("pixel_unshuffle", y, x, factor);
}

}  // namespace camber::CAMBER_GPU
