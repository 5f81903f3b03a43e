/// Chunks are swizzled, so that the eight rows of an ldmatrix lie on all 32 banks, and the next slices are on their way
/// while the warps multiply these: two of each, one barrier fewer to wait at with nothing to do.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"
#include "cuda/laboratory/matrix_product/tensor_cores.h"

namespace camber::CAMBER_GPU {
namespace {

__global__ void product_swizzled_and_ahead(Product p) {
    SHARED_MEMORY(a, bf16[2][slice_elements]);
    SHARED_MEMORY(b, bf16[2][slice_elements]);
    const int row = static_cast<int>(blockIdx.y) * tile, column = static_cast<int>(blockIdx.x) * tile;
    const int slices = p.k / depth;
    const auto start = [&](int slice) {
        if (slice < slices) {
            fetch<true>(p.a + row * p.k + slice * depth, p.k, a[slice % 2]);
            fetch<true>(p.b + column * p.k + slice * depth, p.k, b[slice % 2]);
        }
        commit_copies();
    };
    float sum[2][4][4] = {};
    start(0);
    for (int slice = 0; slice < slices; ++slice) {
        start(slice + 1);
        wait_copies<1>();
        __syncthreads();
        multiply<true>(a[slice % 2], b[slice % 2], sum);
        __syncthreads();
    }
    wait_copies<0>();
    leave(p.c, p.n, row, column, sum);
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product", 5, "swizzled, the next slice on its way",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Product p(in, out);
        p.require_tiles(tile, tile, depth);
        launch("matrix_product", product_swizzled_and_ahead, p.grid(tile, tile, threads), p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
