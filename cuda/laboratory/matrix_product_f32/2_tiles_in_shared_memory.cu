/// A block has 32x32 outputs and brings 32 columns of its rows of a and b to shared memory at a time: requests lie side
/// by side, and what is loaded is used 32 times. Rows are 33 elements apart, so that a column of b is on 32 banks.
/// Every multiply-add still takes two reads of shared memory.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int tile = 32;

__global__ void product_f32_tiles_in_shared_memory(ProductF32 p) {
    SHARED_MEMORY(a, float[tile][tile + 1]);
    SHARED_MEMORY(b, float[tile][tile + 1]);
    const int i = static_cast<int>(threadIdx.x) / tile, j = static_cast<int>(threadIdx.x) % tile;
    const int row = static_cast<int>(blockIdx.y) * tile, column = static_cast<int>(blockIdx.x) * tile;
    float sum = 0;
    for (int k = 0; k < p.k; k += tile) {
        a[i][j] = p.a[(row + i) * p.k + k + j];
        b[i][j] = p.b[(column + i) * p.k + k + j];
        __syncthreads();
        for (int t = 0; t < tile; ++t) sum += a[i][t] * b[j][t];
        __syncthreads();
    }
    p.c[(row + i) * p.n + column + j] = sum;
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product_f32", 2, "tiles of 32x32 in shared memory",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const ProductF32 p(in, out);
        p.require_tiles(tile, tile, tile);
        launch("matrix_product_f32", product_f32_tiles_in_shared_memory, p.grid(tile, tile, tile * tile), p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
