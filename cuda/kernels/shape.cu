/// Copies between activations [N, H, W, C] of other extents: padding, cropping, concatenating and splitting channels.
///
/// Bytes: every output element is read and written once: half of a [16, 256, 256, 128] bf16 concatenation is 268 MB.
/// No arithmetic, so elements are moved as units of bytes: 16 where all rows allow it, else one element. Strategy:
/// four independent units a thread in flight; neither kernel divides to find its place.
#include <algorithm>

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/pixels.h"

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
    pad2d_kernel(const Unit* x, Unit* y, int images, int from_rows, int from, int to_rows, int to, int top, int shift) {
    const int first = static_cast<int>(blockIdx.x) * (threads * units_in_flight) + static_cast<int>(threadIdx.x);
    for (int n = static_cast<int>(blockIdx.z); n < images; n += static_cast<int>(gridDim.z))
        for (int row = static_cast<int>(blockIdx.y); row < to_rows; row += static_cast<int>(gridDim.y)) {
            const int source = row - top;
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
}

/// Threads are (units of a pixel, pixels); `from` and `to` are the units between pixels of x and y.
template <class Unit>
__global__ void __launch_bounds__(threads)
    copy_channels_kernel(const Unit* x, Unit* y, std::int64_t pixels, int from, int to, int count) {
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.y * units_in_flight + threadIdx.y;
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

}  // namespace

void GpuBackend::pad2d(const Tensor& x, const Tensor& y, int top, int left) {
    if (y.numel() == 0) return;
    const Extents in(x), out(y);
    dispatch_units(x, y, {in.c}, [&]<class Unit>(Unit, int elements) {
        const int pixel = in.c / elements, row = out.w * pixel;
        const dim3 grid(blocks_for(row, threads * units_in_flight), static_cast<unsigned>(std::min(out.h, grid_limit)),
                        static_cast<unsigned>(std::min(out.n, grid_limit)));
        launch("pad2d", pad2d_kernel<Unit>, {grid, static_cast<unsigned>(std::min(threads, (row + 31) / 32 * 32))},
               static_cast<const Unit*>(x.raw()), static_cast<Unit*>(y.raw()), out.n, in.h, in.w * pixel, out.h, row,
               top, left * pixel);
    });
}

void GpuBackend::copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin,
                               std::int64_t count) {
    const std::int64_t from = x.shape().back(), to = y.shape().back();
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

}  // namespace camber::CAMBER_GPU
