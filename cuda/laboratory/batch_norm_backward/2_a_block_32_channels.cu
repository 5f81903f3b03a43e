/// A block has 32 channels side by side: two sectors a request, all wanted. Constants of a channel are read again for
/// every element, which the registers of a thread could hold.
#include "cuda/laboratory/batch_norm_backward/gradient.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int lanes = 32, rows = 8, pixels_a_block = 256;

__global__ void batch_norm_backward_32_channels(BatchNormBackward b) {
    SHARED_MEMORY(part, float[rows][2][lanes]);
    const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
    const int c = static_cast<int>(blockIdx.x) * lanes + lane;
    const int first = static_cast<int>(blockIdx.y) * pixels_a_block, end = min(first + pixels_a_block, b.pixels);
    float dgamma = 0, dbeta = 0;
    for (int pixel = first + row; pixel < end && c < b.channels; pixel += rows) {
        const int i = pixel * b.channels + c;
        const float z = b.normalised(i, c), g = b.gradient(i, c, z);
        dgamma += g * z;
        dbeta += g;
    }
    part[row][0][lane] = dgamma;
    part[row][1][lane] = dbeta;
    __syncthreads();
    if (row > 1 || c >= b.channels) return;
    float all = 0;
    for (int r = 0; r < rows; ++r) all += part[r][row][lane];
    atomicAdd(&(row == 0 ? b.dgamma : b.dbeta)[c], all);
}

const laboratory::Register version(laboratory::Version{
    this_device, "batch_norm_backward", 2, "a block 32 channels, side by side",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const BatchNormBackward b(in, out);
        set_bytes(out[1].raw(), 0, out[1].bytes());
        set_bytes(out[2].raw(), 0, out[2].bytes());
        launch("batch_norm_backward, sums", batch_norm_backward_32_channels,
               {dim3(blocks_for(b.channels, lanes), blocks_for(b.pixels, pixels_a_block)), dim3(lanes, rows)}, b);
        launch("batch_norm_backward, dx", batch_norm_backward_dx, {blocks_for(in[0].numel(), 256), 256}, b);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
