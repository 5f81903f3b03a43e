/// A block has a channel and walks over the pixels of x and dy, C elements apart: 32 sectors a request for 64 wanted
/// bytes, twice as many requests as forward.
#include "cuda/kernels/reduce.h"
#include "cuda/laboratory/batch_norm_backward/gradient.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;

__global__ void batch_norm_backward_a_block_a_channel(BatchNormBackward b) {
    SHARED_MEMORY(gammas, float[threads / 32]);
    SHARED_MEMORY(betas, float[threads / 32]);
    const int c = static_cast<int>(blockIdx.x);
    float dgamma = 0, dbeta = 0;
    for (int pixel = static_cast<int>(threadIdx.x); pixel < b.pixels; pixel += threads) {
        const int i = pixel * b.channels + c;
        const float z = b.normalised(i, c), g = b.gradient(i, c, z);
        dgamma += g * z;
        dbeta += g;
    }
    dgamma = block_sum<threads>(dgamma, gammas);
    dbeta = block_sum<threads>(dbeta, betas);
    if (threadIdx.x != 0) return;
    b.dgamma[c] = dgamma;
    b.dbeta[c] = dbeta;
}

const laboratory::Register version(laboratory::Version{
    this_device, "batch_norm_backward", 1, "a block a channel",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const BatchNormBackward b(in, out);
        launch("batch_norm_backward, sums", batch_norm_backward_a_block_a_channel,
               {static_cast<unsigned>(b.channels), threads}, b);
        launch("batch_norm_backward, dx", batch_norm_backward_dx, {blocks_for(in[0].numel(), 256), 256}, b);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
