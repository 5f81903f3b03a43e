/// A block has a channel, as for images whose channels are planes: its threads walk over the pixels and add up. The
/// lanes of a warp are C elements apart, a sector of 32 bytes each for the two that they want; the other fifteen
/// channels in it are other blocks' affair. Then a thread an element normalises.
#include "cuda/kernels/reduce.h"
#include "cuda/laboratory/batch_norm/statistics.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

__global__ void batch_norm_a_block_a_channel(const bf16* x, int pixels, int channels, Statistics result) {
    SHARED_MEMORY(sums, float[threads / 32]);
    SHARED_MEMORY(squares, float[threads / 32]);
    const int channel = static_cast<int>(blockIdx.x);
    float sum = 0, square = 0;
    for (int pixel = static_cast<int>(threadIdx.x); pixel < pixels; pixel += threads) {
        const float v = to_float(x[pixel * channels + channel]);
        sum += v;
        square += v * v;
    }
    sum = block_sum<threads>(sum, sums);
    square = block_sum<threads>(square, squares);
    if (threadIdx.x == 0) result.set(channel, sum, square, pixels);
}

const laboratory::Register version(laboratory::Version{
    this_device, "batch_norm", 1, "a block a channel",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const int channels = static_cast<int>(in[0].dim(3)), count = static_cast<int>(in[0].numel());
        const Statistics statistics(out);
        launch("batch_norm, statistics", batch_norm_a_block_a_channel, {static_cast<unsigned>(channels), threads},
               in[0].data<bf16>(), count / channels, channels, statistics);
        launch("batch_norm, apply", batch_norm_apply, {blocks_for(count, threads), threads}, in[0].data<bf16>(),
               out[0].data<bf16>(), in[1].data<float>(), in[2].data<float>(), statistics, count, channels);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
