/// Tensor cores: a warp multiplies 16x16 by 16x8 in one instruction, from fragments that ldmatrix brings, eight rows of
/// 16 bytes at a time. Rows of 128 bytes all begin in the first bank, so the eight rows wait for each other.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"
#include "cuda/laboratory/matrix_product/tensor_cores.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void product_tensor_cores(Product p) {
    SHARED_MEMORY(a, bf16[slice_elements]);
    SHARED_MEMORY(b, bf16[slice_elements]);
    const int row = static_cast<int>(blockIdx.y) * tile, column = static_cast<int>(blockIdx.x) * tile;
    float sum[2][4][4] = {};
    for (int k = 0; k < p.k; k += depth) {
        fetch<false>(p.a + row * p.k + k, p.k, a);
        fetch<false>(p.b + column * p.k + k, p.k, b);
        commit_copies();
        wait_copies<0>();
        __syncthreads();
        multiply<false>(a, b, sum);
        __syncthreads();
    }
    leave(p.c, p.n, row, column, sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product", 4, "ldmatrix and mma.sync",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Product p(in, out);
        p.require_tiles(tile, tile, depth);
        launch("matrix_product", product_tensor_cores, p.grid(tile, tile, threads), p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
