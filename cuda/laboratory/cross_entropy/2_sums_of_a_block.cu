/// The row is read once, into registers, and a block adds up before it adds to memory: two atomic additions for 128
/// pixels. The requests are as they were.
#include "cuda/kernels/reduce.h"
#include "cuda/laboratory/cross_entropy/sums.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 128, most_classes = 32;

__global__ void cross_entropy_sums_of_a_block(const bf16* logits, const std::uint8_t* labels, int pixels, int classes,
                                              double* stats) {
    SHARED_MEMORY(losses, float[threads / 32]);
    SHARED_MEMORY(counts, float[threads / 32]);
    const int pixel = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
    float loss = 0, counted = 0;
    if (pixel < pixels && labels[pixel] != classes - 1) {
        const int label = labels[pixel];
        float e[most_classes], largest = -INFINITY, own = 0, sum = 0;
#pragma unroll
        for (int c = 0; c < most_classes; ++c) {
            if (c >= classes) continue;
            e[c] = to_float(logits[pixel * classes + c]);
            largest = fmaxf(largest, e[c]);
            if (c == label) own = e[c];
        }
#pragma unroll
        for (int c = 0; c < most_classes; ++c)
            if (c < classes) sum += __expf(e[c] - largest);
        loss = __logf(sum) + largest - own;
        counted = 1;
    }
    const float all = block_sum<threads>(loss, losses), number = block_sum<threads>(counted, counts);
    if (threadIdx.x != 0) return;
    atomicAdd(&stats[0], static_cast<double>(all));
    atomicAdd(&stats[1], static_cast<double>(number));
}

const laboratory::Register version(laboratory::Version{
    this_device, "cross_entropy", 2, "a row read once, sums of a block",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        run_cross_entropy(cross_entropy_sums_of_a_block, threads, 0, in[0], in[1], out[0], out[1]);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
