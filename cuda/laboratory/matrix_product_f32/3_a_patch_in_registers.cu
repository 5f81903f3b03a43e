/// A thread has 8x8 outputs: of every k it reads eight elements of a and eight of b, in four reads of 16 bytes, and
/// makes 64 multiply-adds of them in registers. The tiles are stored by k, with m or n side by side; they are
/// transposed on the way in.
#include "cuda/laboratory/experiment.h"
#include "cuda/laboratory/matrix_product/sizes.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int tile = 64, depth = 16, patch = 8, threads = 64, pitch = tile + 4;

/// `depth` columns of 64 rows of a matrix to `to`, by k: a row's 16 bytes a thread, 64 bytes of a row four threads.
__device__ void fetch_by_k(const float* from, int stride, float (*to)[pitch]) {
    const int thread = static_cast<int>(threadIdx.x), first = thread % 4 * 4;
    for (int row = thread / 4; row < tile; row += threads / 4) {
        const auto v = load<4>(from + row * stride + first);
#pragma unroll
        for (int j = 0; j < 4; ++j) to[first + j][row] = v[j];
    }
}

__global__ void product_f32_a_patch_in_registers(ProductF32 p) {
    SHARED_MEMORY(a, float[depth][pitch]);
    SHARED_MEMORY(b, float[depth][pitch]);
    const int thread = static_cast<int>(threadIdx.x), i = thread / 8 * 4, j = thread % 8 * 4;
    const int row = static_cast<int>(blockIdx.y) * tile, column = static_cast<int>(blockIdx.x) * tile;
    // Two fours of rows and of columns, half a tile apart: lanes' reads of 16 bytes then lie side by side.
    float sum[patch][patch] = {};
    for (int k = 0; k < p.k; k += depth) {
        fetch_by_k(p.a + row * p.k + k, p.k, a);
        fetch_by_k(p.b + column * p.k + k, p.k, b);
        __syncthreads();
#pragma unroll
        for (int t = 0; t < depth; ++t) {
            const Vec<float, 4> u[2] = {load<4>(&a[t][i]), load<4>(&a[t][i + tile / 2])};
            const Vec<float, 4> v[2] = {load<4>(&b[t][j]), load<4>(&b[t][j + tile / 2])};
#pragma unroll
            for (int y = 0; y < patch; ++y)
#pragma unroll
                for (int x = 0; x < patch; ++x) sum[y][x] += u[y / 4][y % 4] * v[x / 4][x % 4];
        }
        __syncthreads();
    }
#pragma unroll
    for (int y = 0; y < patch; ++y)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            Vec<float, 4> result;
#pragma unroll
            for (int x = 0; x < 4; ++x) result[x] = sum[y][half * 4 + x];
            store<4>(p.c + (row + i + y % 4 + y / 4 * (tile / 2)) * p.n + column + j + half * (tile / 2), result);
        }
}

const laboratory::Register version(laboratory::Version{
    this_device, "matrix_product_f32", 3, "8x8 outputs a thread, in registers",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        const ProductF32 p(in, out);
        p.require_tiles(tile, tile, depth);
        launch("matrix_product_f32", product_f32_a_patch_in_registers, p.grid(tile, tile, threads), p);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
