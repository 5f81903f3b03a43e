/// Neighbouring threads have neighbouring pixels, as one would write it for images whose channels are planes. Here the
/// channels of a pixel lie side by side, so the lanes of a warp are C elements apart: a sector of 32 bytes each, of
/// which they want two.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void max_pool_pixel_by_pixel(const bf16* x, bf16* y, int images, int height, int width, int channels) {
    const int pixels = images * height * width;
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= pixels * channels) return;
    const int pixel = i % pixels, c = i / pixels;
    const int column = pixel % width, row = pixel / width % height, image = pixel / width / height;
    const bf16* const corner = x + ((image * height * 2 + row * 2) * width * 2 + column * 2) * channels + c;
    float largest = to_float(corner[0]);
    largest = fmaxf(largest, to_float(corner[channels]));
    largest = fmaxf(largest, to_float(corner[2 * width * channels]));
    largest = fmaxf(largest, to_float(corner[(2 * width + 1) * channels]));
    y[pixel * channels + c] = from_float<bf16>(largest);
}

const laboratory::Register version(laboratory::Version{
    this_device, "max_pool", 1, "an output a thread, pixel by pixel",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Tensor& y = out[0];
        launch("max_pool", max_pool_pixel_by_pixel, {blocks_for(y.numel(), 256), 256}, in[0].data<bf16>(),
               y.data<bf16>(), static_cast<int>(y.dim(0)), static_cast<int>(y.dim(1)), static_cast<int>(y.dim(2)),
               static_cast<int>(y.dim(3)));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
