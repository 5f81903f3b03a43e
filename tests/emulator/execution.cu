#include "emulator/execution.h"

#include <camber/tensor.h>

#include "cuda/kernels/matrix.h"
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"

namespace camber::emulated {
namespace {

__global__ void indices_kernel(int* y) {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    const unsigned i = block * blockDim.x * blockDim.y * blockDim.z + thread;
    y[i] = static_cast<int>(i);
}

__global__ void warp_kernel(int* y) {
    const int lane = static_cast<int>(threadIdx.x);
    y[lane] = __shfl_sync(full_mask, 100 + lane, 31 - lane);
    y[32 + lane] = __shfl_up_sync(full_mask, lane, 3);
    y[64 + lane] = __shfl_down_sync(full_mask, lane, 3);
    y[96 + lane] = __shfl_xor_sync(full_mask, lane, 5);
    y[128 + lane] = __shfl_sync(full_mask, lane, 1, 8);
    y[160 + lane] = static_cast<int>(__ballot_sync(full_mask, lane % 3 == 0));
    y[192 + lane] = static_cast<int>(__match_any_sync(full_mask, lane / 8));
    int odd = -1;
    if (lane % 2 == 1) odd = __shfl_xor_sync(0xaaaaaaaau, lane, 2);  // only half of the lanes come here
    __syncwarp();
    y[224 + lane] = odd;
}

__global__ void atomics_kernel(int* y, int* tickets) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    atomicAdd(y, i);
    atomicMax(y + 1, i);
    atomicMin(y + 2, i);
    const int ticket = atomicAdd(y + 3, 1);
    tickets[ticket] = 1;
}

__global__ void product_kernel(const bf16* a, const bf16* b, float* c) {
    SHARED_MEMORY(left, bf16[16 * 16]);
    SHARED_MEMORY(right, bf16[16 * 8]);
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < 16 * 16; i += 32) left[i] = a[i];
    for (int i = lane; i < 16 * 8; i += 32) right[i] = b[i];
    __syncwarp();
    unsigned fa[4], fb[4];
    load_matrix_x4(fa, left + lane % 16 * 16 + lane / 16 * 8);
    load_matrix_x4<true>(fb, right + lane % 16 * 8);
    const unsigned pair[2] = {fb[0], fb[1]};
    float sum[4] = {};
    mma_bf16(sum, fa, pair);
    for (int i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sum[i];
}

__global__ void block_sum_kernel(float* y) {
    SHARED_MEMORY(scratch, float[3]);
    const float i = static_cast<float>(threadIdx.x);
    y[threadIdx.x] = block_sum<96>(i + 1, scratch);
}

__global__ void copies_kernel(const float* x, float* y, int valid) {
    SHARED_MEMORY(tile, float[64]);
    const int lane = static_cast<int>(threadIdx.x);
    if (lane < 8) copy_async(tile + 4 * lane, x + 4 * lane, valid);
    commit_copies();
    if (lane < 8) copy_async(tile + 32 + 4 * lane, x + 32 + 4 * lane, valid);
    commit_copies();
    wait_copies<1>();
    __syncwarp();
    y[lane] = tile[lane];
    wait_copies<0>();
    __syncwarp();
    y[32 + lane] = tile[32 + lane];
}

}  // namespace
}  // namespace camber::emulated

namespace camber::testing {

using namespace emulated;

std::vector<int> run_indices() {
    const dim3 grid(3, 2, 2), block(5, 3, 2);
    const Tensor y = Tensor::empty({12 * 30}, Dtype::i32, Device::emulated);
    launch("indices", indices_kernel, {grid, block}, y.data<int>());
    return y.to_vector<int>();
}

WarpResults run_warp_operations() {
    const Tensor y = Tensor::empty({8 * 32}, Dtype::i32, Device::emulated);
    launch("warp", warp_kernel, {1, 32}, y.data<int>());
    const auto all = y.to_vector<int>();
    const auto part = [&](int i) { return std::vector<int>(all.begin() + 32 * i, all.begin() + 32 * (i + 1)); };
    return {part(0), part(1), part(2), part(3), part(4), part(5), part(6), part(7)};
}

std::vector<int> run_atomics(int blocks) {
    constexpr int threads = 64;
    const Tensor y = Tensor::from(std::vector<int>{0, -1, 1 << 30, 0}, {4}, Device::emulated);
    const Tensor tickets = Tensor::zeros({blocks * threads}, Dtype::i32, Device::emulated);
    launch("atomics", atomics_kernel, {static_cast<unsigned>(blocks), threads}, y.data<int>(), tickets.data<int>());
    auto result = y.to_vector<int>();
    result[3] = 0;
    for (const int ticket : tickets.to_vector<int>()) result[3] += ticket;
    return result;
}

std::vector<float> run_matrix_product(const std::vector<float>& a, const std::vector<float>& b) {
    const auto rounded = [](const std::vector<float>& values) {
        return std::vector<bf16>(values.begin(), values.end());
    };
    const Tensor ta = Tensor::from(rounded(a), {16, 16}, Device::emulated);
    const Tensor tb = Tensor::from(rounded(b), {16, 8}, Device::emulated);
    const Tensor c = Tensor::empty({16, 8}, Dtype::f32, Device::emulated);
    launch("product", product_kernel, {1, 32}, ta.data<bf16>(), tb.data<bf16>(), c.data<float>());
    return c.to_vector<float>();
}

std::vector<float> run_block_sum() {
    const Tensor y = Tensor::empty({96}, Dtype::f32, Device::emulated);
    launch("block_sum", block_sum_kernel, {1, 96}, y.data<float>());
    return y.to_vector<float>();
}

std::vector<float> run_copies(const std::vector<float>& x, int valid) {
    const Tensor tx = Tensor::from(x, {64}, Device::emulated);
    const Tensor y = Tensor::empty({64}, Dtype::f32, Device::emulated);
    launch("copies", copies_kernel, {1, 32}, tx.data<float>(), y.data<float>(), valid);
    return y.to_vector<float>();
}

}  // namespace camber::testing
