/// Every thread adds its element to the result in memory: 32 lanes to one address, one after another.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void sum_an_atomic_an_element(const float* x, float* sum, int count) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) atomicAdd(sum, x[i]);
}

const laboratory::Register version(laboratory::Version{
    this_device, "sum", 1, "an atomic addition an element",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        set_bytes(out[0].raw(), 0, out[0].bytes());
        launch("sum", sum_an_atomic_an_element, {blocks_for(in[0].numel(), 256), 256}, in[0].data<float>(),
               out[0].data<float>(), static_cast<int>(in[0].numel()));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
