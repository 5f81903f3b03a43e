/// A thread has a pixel's row of logits, which it goes through three times: the largest, the sum of exponentials, the
/// label's own. Rows of 12 are 24 bytes, so the lanes of a request lie on 24 sectors and want two bytes of each; the
/// caches have to make up for it. Every thread adds to the same two sums.
#include "cuda/laboratory/cross_entropy/sums.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void cross_entropy_a_row_a_thread(const bf16* logits, const std::uint8_t* labels, int pixels, int classes,
                                             double* stats) {
    const int pixel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (pixel >= pixels || labels[pixel] == classes - 1) return;
    const bf16* const row = logits + pixel * classes;
    float largest = to_float(row[0]);
    for (int c = 1; c < classes; ++c) largest = fmaxf(largest, to_float(row[c]));
    float sum = 0;
    for (int c = 0; c < classes; ++c) sum += __expf(to_float(row[c]) - largest);
    atomicAdd(&stats[0], static_cast<double>(__logf(sum) + largest - to_float(row[labels[pixel]])));
    atomicAdd(&stats[1], 1.0);
}

const laboratory::Register version(laboratory::Version{
    this_device, "cross_entropy", 1, "a row a thread, an atomic a pixel",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        run_cross_entropy(cross_entropy_a_row_a_thread, 128, 0, in[0], in[1], out[0], out[1]);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
