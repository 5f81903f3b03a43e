/// Neighbouring threads have neighbouring channels, as the tensor lies in memory: a request is 64 bytes side by side.
/// Two bytes a lane are still an instruction for every 64 bytes, and eight bytes in flight a thread.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void max_pool_channel_by_channel(const bf16* x, bf16* y, int count, int width, int channels) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const int c = i % channels, column = i / channels % width, row = i / channels / width;  // of all images
    const bf16* const corner = x + (row * 2 * width * 2 + column * 2) * channels + c;
    float largest = to_float(corner[0]);
    largest = fmaxf(largest, to_float(corner[channels]));
    largest = fmaxf(largest, to_float(corner[2 * width * channels]));
    largest = fmaxf(largest, to_float(corner[(2 * width + 1) * channels]));
    y[i] = from_float<bf16>(largest);
}

const laboratory::Register version(laboratory::Version{
    this_device, "max_pool", 2, "an output a thread, channel by channel",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Tensor& y = out[0];
        launch("max_pool", max_pool_channel_by_channel, {blocks_for(y.numel(), 256), 256}, in[0].data<bf16>(),
               y.data<bf16>(), static_cast<int>(y.numel()), static_cast<int>(y.dim(2)), static_cast<int>(y.dim(3)));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
