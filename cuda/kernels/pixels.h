#pragma once
#include <algorithm>

#include "cuda/kernels/numeric.h"

/// Kernels whose threads each make some neighbouring channels of one pixel of an activation [N, H, W, C].
namespace camber::CAMBER_GPU {

struct Extents {
    int n, h, w, c;

    explicit Extents(const Tensor& t)
        : n(static_cast<int>(t.dim(0))),
          h(static_cast<int>(t.dim(1))),
          w(static_cast<int>(t.dim(2))),
          c(static_cast<int>(t.dim(3))) {}
    /// Position of the first channel of a pixel.
    __device__ __forceinline__ std::int64_t at(int image, int row, int column) const {
        return (static_cast<std::int64_t>(image) * h + row) * w * c + column * c;
    }
};

inline constexpr int pixel_threads = 256;

/// A grid of (columns, rows, images) blocks, within the device's limits.
inline dim3 image_grid(unsigned columns, int rows, int images) {
    constexpr int limit = 65535;
    if (rows > limit || images > limit)
        fail("the {} device takes at most {} rows and images, not {} and {}", name(this_device), limit, rows, images);
    return dim3(columns, static_cast<unsigned>(rows), static_cast<unsigned>(images));
}

/// The shape for for_pixels() over `image`, `width` channels a thread: threads are (channels, columns) and blocks
/// (columns, rows, images), so that the hardware's own counters take the place of divisions.
inline LaunchShape pixel_shape(const Extents& image, int width) {
    const int channels = std::min(image.c / width, pixel_threads);
    const int columns = std::min(pixel_threads / channels, image.w);
    return {image_grid(blocks_for(image.w, columns), image.h, image.n),
            dim3(static_cast<unsigned>(channels), static_cast<unsigned>(columns))};
}

/// Calls f(image, row, column, first channel) for every `width` channels that are this thread's: once, unless a pixel
/// has more channels than a block has threads for.
template <int width, class F>
__device__ __forceinline__ void for_pixels(const Extents& image, F&& f) {
    const int column = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
    if (column >= image.w) return;
#pragma unroll 1
    for (int c = static_cast<int>(threadIdx.x) * width; c < image.c; c += static_cast<int>(blockDim.x) * width)
        f(static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y), column, c);
}

/// Calls f(T{}, std::integral_constant<int, width>{}) with T the dtype of activations and `width` the channels a thread
/// takes: a 16-byte access of them where all pixels of all tensors are aligned to that, else one.
template <class F, class... Tensors>
void dispatch_pixels(F&& f, const Tensor& first, const Tensors&... others) {
    dispatch(first, [&](auto t) {
        constexpr int width = vector_width<decltype(t)>;
        const bool aligned = aligned_to(first, 16) && (aligned_to(others, 16) && ...);
        if (aligned && first.shape().back() % width == 0) {
            f(t, std::integral_constant<int, width>{});
        } else {
            f(t, std::integral_constant<int, 1>{});
        }
    });
}

}  // namespace camber::CAMBER_GPU
