/// A thread goes through its row three times: the largest, the sum, the quotients, whose exponentials it works out
/// again. Lanes are a row apart: at 12 channels 24 sectors a request, for two bytes each.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void softmax_a_row_a_thread(const bf16* x, bf16* y, int rows, int channels) {
    const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (row >= rows) return;
    const bf16* const in = x + row * channels;
    float largest = to_float(in[0]);
    for (int c = 1; c < channels; ++c) largest = fmaxf(largest, to_float(in[c]));
    float sum = 0;
    for (int c = 0; c < channels; ++c) sum += __expf(to_float(in[c]) - largest);
    for (int c = 0; c < channels; ++c)
        y[row * channels + c] = from_float<bf16>(__expf(to_float(in[c]) - largest) / sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "softmax", 1, "a row a thread, three passes",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const int channels = static_cast<int>(in[0].dim(3)), rows = static_cast<int>(in[0].numel()) / channels;
        launch("softmax", softmax_a_row_a_thread, {blocks_for(rows, 128), 128}, in[0].data<bf16>(), out[0].data<bf16>(),
               rows, channels);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
