/// A block has 32 channels, a warp's lanes side by side in them: a request is 64 bytes in two sectors, all of them
/// wanted. Rows of the block's warps meet in shared memory; blocks meet by atomic additions, so the bits depend on
/// their order.
#include "cuda/laboratory/batch_norm/statistics.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int lanes = 32, rows = 8, pixels_a_block = 256;

/// sums: 2 * channels zeros.
__global__ void batch_norm_32_channels(const bf16* x, float* sums, int pixels, int channels) {
    SHARED_MEMORY(part, float[rows][2][lanes]);
    const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
    const int channel = static_cast<int>(blockIdx.x) * lanes + lane;
    const int first = static_cast<int>(blockIdx.y) * pixels_a_block;
    const int end = min(first + pixels_a_block, pixels);
    float sum = 0, square = 0;
    for (int pixel = first + row; pixel < end && channel < channels; pixel += rows) {
        const float v = to_float(x[pixel * channels + channel]);
        sum += v;
        square += v * v;
    }
    part[row][0][lane] = sum;
    part[row][1][lane] = square;
    __syncthreads();
    if (row > 1 || channel >= channels) return;  // the first row adds up sums, the second squares
    float all = 0;
    for (int r = 0; r < rows; ++r) all += part[r][row][lane];
    atomicAdd(&sums[row * channels + channel], all);
}

__global__ void batch_norm_finish(const float* sums, int pixels, int channels, Statistics result) {
    const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (c < channels) result.set(c, sums[c], sums[channels + c], pixels);
}

const laboratory::Register version(laboratory::Version{
    this_device, "batch_norm", 2, "a block 32 channels, side by side",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const int channels = static_cast<int>(in[0].dim(3)), count = static_cast<int>(in[0].numel());
        const int pixels = count / channels;
        const Statistics statistics(out);
        const Tensor sums = Tensor::empty({2, channels}, Dtype::f32, this_device);
        set_bytes(sums.raw(), 0, sums.bytes());
        launch("batch_norm, statistics", batch_norm_32_channels,
               {dim3(blocks_for(channels, lanes), blocks_for(pixels, pixels_a_block)), dim3(lanes, rows)},
               in[0].data<bf16>(), sums.data<float>(), pixels, channels);
        launch("batch_norm, finish", batch_norm_finish, {blocks_for(channels, 64), 64}, sums.data<float>(), pixels,
               channels, statistics);
        launch("batch_norm, apply", batch_norm_apply, {blocks_for(count, 256), 256}, in[0].data<bf16>(),
               out[0].data<bf16>(), in[1].data<float>(), in[2].data<float>(), statistics, count, channels);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
