/// A block adds its elements up in shared memory, as a tree whose partners are first neighbours, then further and
/// further apart: a thread's place is a multiple of the distance, so lanes fall on fewer and fewer banks.
#include "cuda/kernels/numeric.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

__global__ void sum_interleaved_tree(const float* x, float* sum, int count) {
    SHARED_MEMORY(part, float[threads]);
    const int thread = static_cast<int>(threadIdx.x), i = static_cast<int>(blockIdx.x) * threads + thread;
    part[thread] = i < count ? x[i] : 0.0f;
    for (int distance = 1; distance < threads; distance *= 2) {
        __syncthreads();
        const int own = 2 * distance * thread;
        if (own < threads) part[own] += part[own + distance];
    }
    if (thread == 0) atomicAdd(sum, part[0]);
}

const laboratory::Register version(laboratory::Version{
    this_device, "sum", 2, "a tree in shared memory, neighbours first",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        set_bytes(out[0].raw(), 0, out[0].bytes());
        launch("sum", sum_interleaved_tree, {blocks_for(in[0].numel(), threads), threads}, in[0].data<float>(),
               out[0].data<float>(), static_cast<int>(in[0].numel()));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
