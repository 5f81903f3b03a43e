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
inline constexpr int grid_limit = 65535;  ///< of a grid's y and z

/// The shape for for_pixels() over `image`, `width` channels a thread: threads are (channels, columns) and blocks
/// (columns, rows, images), so that the hardware's own counters take the place of divisions.
inline LaunchShape pixel_shape(const Extents& image, int width) {
    const int channels = std::min(image.c / width, pixel_threads);
    const int columns = std::min(pixel_threads / channels, image.w);
    return {dim3(blocks_for(image.w, columns), static_cast<unsigned>(std::min(image.h, grid_limit)),
                 static_cast<unsigned>(std::min(image.n, grid_limit))),
            dim3(static_cast<unsigned>(channels), static_cast<unsigned>(columns))};
}

/// Calls f(image, row, column, first channel) for every `width` channels that are this thread's.
template <int width, class F>
__device__ __forceinline__ void for_pixels(const Extents& image, F&& f) {
    const int column = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
    if (column >= image.w) return;
    for (int n = static_cast<int>(blockIdx.z); n < image.n; n += static_cast<int>(gridDim.z))
        for (int row = static_cast<int>(blockIdx.y); row < image.h; row += static_cast<int>(gridDim.y))
            for (int c = static_cast<int>(threadIdx.x) * width; c < image.c; c += static_cast<int>(blockDim.x) * width)
                f(n, row, column, c);
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
