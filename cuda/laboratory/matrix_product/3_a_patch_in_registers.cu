/// A thread has 4x4 outputs: of every k it reads four elements of a and four of b, 16 bytes each, and makes sixteen
/// multiply-adds of them in registers, where the version before made one of two reads. For that the tiles are stored by
/// k, with m or n side by side; they are transposed on the way in, to rows that are four elements
/// longer, which leaves two lanes on a bank.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int tile = 64, depth = 16, patch = 4, threads = 256, pitch = tile + 4;

/// `depth` columns of 64 rows of a matrix to `to`, by k: four neighbours of a row a thread, a sector four threads.
__device__ void fetch_by_k(const bf16* from, int stride, float (*to)[pitch]) {
    const int thread = static_cast<int>(threadIdx.x), row = thread / 4, first = thread % 4 * 4;
    const auto v = load<4>(from + row * stride + first);
#pragma unroll
    for (int j = 0; j < 4; ++j) to[first + j][row] = to_float(v[j]);
}

__global__ void product_a_patch_in_registers(Product p) {
    SHARED_MEMORY(a, float[depth][pitch]);
    SHARED_MEMORY(b, float[depth][pitch]);
    const int thread = static_cast<int>(threadIdx.x);
    const int i = thread / (tile / patch) * patch, j = thread % (tile / patch) * patch;
    const int row = static_cast<int>(blockIdx.y) * tile, column = static_cast<int>(blockIdx.x) * tile;
    float sum[patch][patch] = {};
    for (int k = 0; k < p.k; k += depth) {
        fetch_by_k(p.a + row * p.k + k, p.k, a);
        fetch_by_k(p.b + column * p.k + k, p.k, b);
        __syncthreads();
#pragma unroll
        for (int t = 0; t < depth; ++t) {
            const auto u = load<patch>(&a[t][i]), v = load<patch>(&b[t][j]);
#pragma unroll
            for (int y = 0; y < patch; ++y)
#pragma unroll
                for (int x = 0; x < patch; ++x) sum[y][x] += u[y] * v[x];
        }
        __syncthreads();
    }
#pragma unroll
    for (int y = 0; y < patch; ++y) {
        Vec<bf16, patch> result;
#pragma unroll
        for (int x = 0; x < patch; ++x) result[x] = from_float<bf16>(sum[y][x]);
        store<patch>(p.c + (row + i + y) * p.n + column + j, result);
    }
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product", 3, "4x4 outputs a thread, in registers",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const Product p(in, out);
        p.require_tiles(tile, tile, depth);
        launch("matrix_product", product_a_patch_in_registers, p.grid(tile, tile, threads), p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
