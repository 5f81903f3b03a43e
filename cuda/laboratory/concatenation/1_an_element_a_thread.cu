/// A thread moves one element. Every request is 64 bytes side by side, nothing is moved in vain; what is wrong shows
/// in the number of requests and in the two bytes that a thread has in flight.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void concatenate_an_element_a_thread(const bf16* x, bf16* y, int count, int channels) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) y[i / channels * 2 * channels + channels + i % channels] = x[i];
}

const laboratory::Register version(laboratory::Version{
    this_device, "concatenation", 1, "an element a thread",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        launch("concatenation", concatenate_an_element_a_thread, {blocks_for(in[0].numel(), 256), 256},
               in[0].data<bf16>(), out[0].data<bf16>(), static_cast<int>(in[0].numel()),
               static_cast<int>(in[0].dim(3)));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
