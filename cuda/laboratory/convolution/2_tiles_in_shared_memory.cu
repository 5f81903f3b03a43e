/// The convolution as a matrix product: rows are pixels, columns output channels, and the depth goes over taps and
/// channels. A block brings 32 channels of 32 pixels and of 32 filters to shared memory, from the pixels that a tap
/// says, and uses each 32 times. No matrix of patches is ever written: the GEMM is implicit.
#include "cuda/laboratory/convolution/sizes.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int tile = 32;

__global__ void convolution_tiles_in_shared_memory(Convolution s) {
    SHARED_MEMORY(image, float[tile][tile + 1]);
    SHARED_MEMORY(filter, float[tile][tile + 1]);
    const int i = static_cast<int>(threadIdx.x) / tile, j = static_cast<int>(threadIdx.x) % tile;
    const int pixel = static_cast<int>(blockIdx.y) * tile, o = static_cast<int>(blockIdx.x) * tile;
    float sum = 0;
    for (int tap = 0; tap < 9; ++tap) {
        const int from = s.under(pixel + i, tap);
        for (int c = 0; c < s.in; c += tile) {
            image[i][j] = from < 0 ? 0.0f : to_float(s.x[from * s.in + c + j]);
            filter[i][j] = to_float(s.w[((o + i) * 9 + tap) * s.in + c + j]);
            __syncthreads();
            for (int t = 0; t < tile; ++t) sum += image[i][t] * filter[j][t];
            __syncthreads();
        }
    }
    s.y[(pixel + i) * s.out + o + j] = from_float<bf16>(sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "convolution", 2, "implicit GEMM, tiles in shared memory",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Convolution s(in, out);
        s.require_tiles(tile, tile, tile);
        launch("convolution", convolution_tiles_in_shared_memory,
               {dim3(static_cast<unsigned>(s.out / tile), static_cast<unsigned>(s.pixels / tile)), tile * tile}, s);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
