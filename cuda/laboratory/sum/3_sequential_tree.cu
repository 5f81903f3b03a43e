/// The same tree from the far end: partners are half a block apart first, so the lanes of a warp lie side by side all
/// the way, and no two of them on one bank.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

__global__ void sum_sequential_tree(const float* x, float* sum, int count) {
    SHARED_MEMORY(part, float[threads]);
    const int thread = static_cast<int>(threadIdx.x), i = static_cast<int>(blockIdx.x) * threads + thread;
    part[thread] = i < count ? x[i] : 0.0f;
    for (int distance = threads / 2; distance > 0; distance /= 2) {
        __syncthreads();
        if (thread < distance) part[thread] += part[thread + distance];
    }
    if (thread == 0) atomicAdd(sum, part[0]);
}

const laboratory::Register version(laboratory::Version{
    this_device, "sum", 3, "a tree in shared memory, halves first",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        set_bytes(out[0].raw(), 0, out[0].bytes());
        launch("sum", sum_sequential_tree, {blocks_for(in[0].numel(), threads), threads}, in[0].data<float>(),
               out[0].data<float>(), static_cast<int>(in[0].numel()));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
