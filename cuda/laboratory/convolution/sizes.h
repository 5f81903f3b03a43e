#pragma once
#include "cuda/kernels/numeric.h"

/// What all versions are given: a product of pixels [N * H * W] and output channels over 9 * Cin, whose first matrix is
/// not stored anywhere.
namespace camber::CAMBER_GPU {
namespace {

struct Convolution {
    const bf16 *x, *w;
    bf16* y;
    int height, width, in, out, pixels;

    Convolution(const std::vector<Tensor>& operands, const std::vector<Tensor>& results)
        : x(operands[0].data<bf16>()),
          w(operands[1].data<bf16>()),
          y(results[0].data<bf16>()),
          height(static_cast<int>(operands[0].dim(1))),
          width(static_cast<int>(operands[0].dim(2))),
          in(static_cast<int>(operands[0].dim(3))),
          out(static_cast<int>(operands[1].dim(0))),
          pixels(static_cast<int>(operands[0].dim(0)) * height * width) {}
    /// Throws Error unless tiles of these extents cover it.
    void require_tiles(int tile_pixels, int tile_out, int tile_in) const {
        if (pixels % tile_pixels != 0 || out % tile_out != 0 || in % tile_in != 0)
            fail("this version takes N * H * W, Cout and Cin that are multiples of {}, {} and {}", tile_pixels,
                 tile_out, tile_in);
    }
    /// The pixel of x under tap 3 * i + j of a pixel of y; -1 where that is beyond the image.
    __device__ int under(int pixel, int tap) const {
        const int row = pixel / width % height + tap / 3 - 1, column = pixel % width + tap % 3 - 1;
        if (row < 0 || row >= height || column < 0 || column >= width) return -1;
        return pixel + (tap / 3 - 1) * width + tap % 3 - 1;
    }
};

}  // namespace
}  // namespace camber::CAMBER_GPU
