/// The matrix product's fifth version with another way to fetch: 64 channels under one tap are a slice, and where the
/// tap is beyond the image the asynchronous copy writes zeros, so that the border costs no branch in the product.
#include "cuda/laboratory/convolution/sizes.h"
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/tensor_cores.h"

namespace camber::CAMBER_GPU {
namespace {

/// Queues the copies of 64 channels from `first` on of the pixels under a tap.
__device__ void fetch_image(const Convolution& s, int pixel, int tap, int first, bf16* to) {
#pragma unroll
    for (int k = 0; k < tile * depth / chunk / threads; ++k) {
        const int i = static_cast<int>(threadIdx.x) + k * threads, row = i / (depth / chunk), c = i % (depth / chunk);
        const int from = s.under(pixel + row, tap);
        copy_async(to + place<true>(row, c), s.x + (from < 0 ? 0 : from) * s.in + first + c * chunk, from < 0 ? 0 : 16);
    }
}

__global__ void convolution_tensor_cores(Convolution s) {
    SHARED_MEMORY(image, bf16[2][slice_elements]);
    SHARED_MEMORY(filter, bf16[2][slice_elements]);
    const int pixel = static_cast<int>(blockIdx.y) * tile, o = static_cast<int>(blockIdx.x) * tile;
    const int of_a_tap = s.in / depth, slices = 9 * of_a_tap;
    const auto start = [&](int slice) {
        if (slice < slices) {
            fetch_image(s, pixel, slice / of_a_tap, slice % of_a_tap * depth, image[slice % 2]);
            fetch<true>(s.w + o * 9 * s.in + slice * depth, 9 * s.in, filter[slice % 2]);
        }
        commit_copies();
    };
    float sum[2][4][4] = {};
    start(0);
    for (int slice = 0; slice < slices; ++slice) {
        start(slice + 1);
        wait_copies<1>();
        __syncthreads();
        multiply<true>(image[slice % 2], filter[slice % 2], sum);
        __syncthreads();
    }
    wait_copies<0>();
    leave(s.y, s.out, pixel, o, sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "convolution", 3, "implicit GEMM on tensor cores",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Convolution s(in, out);
        s.require_tiles(tile, tile, depth);
        launch("convolution", convolution_tensor_cores,
               {dim3(static_cast<unsigned>(s.out / tile), static_cast<unsigned>(s.pixels / tile)), threads}, s);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
