/// A warp has a row, a lane a channel: requests are side by side, and largest and sum are found by shuffles. At 12
/// channels 20 of 32 lanes have nothing to do, and a request brings 24 bytes.
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void softmax_a_row_a_warp(const bf16* x, bf16* y, int rows, int channels) {
    const int thread = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), row = thread / 32, lane = thread % 32;
    if (row >= rows) return;
    float largest = -INFINITY, sum = 0;
    for (int c = lane; c < channels; c += 32) largest = fmaxf(largest, to_float(x[row * channels + c]));
    largest = warp_max(largest);
    for (int c = lane; c < channels; c += 32) sum += __expf(to_float(x[row * channels + c]) - largest);
    sum = warp_sum(sum);
    for (int c = lane; c < channels; c += 32)
        y[row * channels + c] = from_float<bf16>(__expf(to_float(x[row * channels + c]) - largest) / sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "softmax", 2, "a row a warp", [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const int channels = static_cast<int>(in[0].dim(3)), rows = static_cast<int>(in[0].numel()) / channels;
        launch("softmax", softmax_a_row_a_warp, {blocks_for(rows, 4), 128}, in[0].data<bf16>(), out[0].data<bf16>(),
               rows, channels);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
