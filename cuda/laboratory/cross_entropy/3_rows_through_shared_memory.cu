/// The block's rows lie side by side in memory: it copies them to shared memory in pieces of 16 bytes, each sector
/// once, and threads take their rows from there. Rows of 24 bytes begin in 16 different banks, two lanes on each: the
/// conflicts are cheaper than what they save.
#include "cuda/kernels/reduce.h"
#include "cuda/laboratory/cross_entropy/sums.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 128, most_classes = 32, width = vector_width<bf16>;

__global__ void cross_entropy_rows_through_shared_memory(const bf16* logits, const std::uint8_t* labels, int pixels,
                                                         int classes, double* stats) {
    SHARED_MEMORY(losses, float[threads / 32]);
    SHARED_MEMORY(counts, float[threads / 32]);
    bf16* const rows = dynamic_shared<bf16>();
    const int thread = static_cast<int>(threadIdx.x), first = static_cast<int>(blockIdx.x) * threads;
    const int elements = min(pixels - first, threads) * classes, vectors = elements / width;
    const bf16* const from = logits + first * classes;
    for (int i = thread; i < vectors; i += threads) store<width>(rows + i * width, load<width>(from + i * width));
    for (int i = vectors * width + thread; i < elements; i += threads) rows[i] = from[i];
    __syncthreads();
    float loss = 0, counted = 0;
    const int label = first + thread < pixels ? labels[first + thread] : classes - 1;
    if (label != classes - 1) {
        const bf16* const row = rows + thread * classes;
        float e[most_classes], largest = -INFINITY, sum = 0;
#pragma unroll
        for (int c = 0; c < most_classes; ++c) {
            if (c >= classes) continue;
            e[c] = to_float(row[c]);
            largest = fmaxf(largest, e[c]);
        }
#pragma unroll
        for (int c = 0; c < most_classes; ++c)
            if (c < classes) sum += __expf(e[c] - largest);
        loss = __logf(sum) + largest - to_float(row[label]);
        counted = 1;
    }
    const float all = block_sum<threads>(loss, losses), number = block_sum<threads>(counted, counts);
    if (threadIdx.x != 0) return;
    atomicAdd(&stats[0], static_cast<double>(all));
    atomicAdd(&stats[1], static_cast<double>(number));
}

const laboratory::Register version(laboratory::Version{
    this_device, "cross_entropy", 3, "rows through shared memory",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const auto classes = static_cast<std::size_t>(in[0].dim(3));
        run_cross_entropy(cross_entropy_rows_through_shared_memory, threads, threads * classes * sizeof(bf16), in[0],
                          in[1], out[0], out[1]);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
