/// A thread adds up four pieces of 16 bytes in registers, a warp by shuffles, and shared memory holds a number a warp:
/// one barrier in place of eight.
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256, pieces = 4, of_a_block = threads * pieces * vector_width<float>;

__global__ void sum_shuffles(const float* x, float* sum, int count) {
    SHARED_MEMORY(part, float[threads / 32]);
    const int first = static_cast<int>(blockIdx.x) * of_a_block + static_cast<int>(threadIdx.x) * 4;
    float own = 0;
#pragma unroll
    for (int k = 0; k < pieces; ++k) {
        const int i = first + k * threads * 4;
        if (i + 4 <= count) {
            const auto v = load<4>(x + i);
            own += (v[0] + v[1]) + (v[2] + v[3]);
        } else {
            for (int rest = i; rest < count; ++rest) own += x[rest];
        }
    }
    const float all = block_sum<threads>(own, part);
    if (threadIdx.x == 0) atomicAdd(sum, all);
}

const laboratory::Register version(laboratory::Version{
    this_device, "sum", 4, "registers, then shuffles",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        set_bytes(out[0].raw(), 0, out[0].bytes());
        launch("sum", sum_shuffles, {blocks_for(in[0].numel(), of_a_block), threads}, in[0].data<float>(),
               out[0].data<float>(), static_cast<int>(in[0].numel()));
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
