#include "emulator/counted.h"

#include <camber/tensor.h>

#include "cuda/kernels/matrix.h"
#include "cuda/kernels/numeric.h"

namespace camber::emulated {
namespace {

__global__ void strided_kernel(const float* x, float* y, int begin, int stride) {
    const int lane = static_cast<int>(threadIdx.x);
    y[lane] = x[begin + lane * stride];
}

__global__ void float4_kernel(const float* x, float* y) {
    const int lane = static_cast<int>(threadIdx.x);
    const auto v = load<4>(x + 4 * lane);
    y[lane] = v[0] + v[1] + v[2] + v[3];
}

__global__ void divergent_kernel(float* y, int lanes) {
    const int lane = static_cast<int>(threadIdx.x);
    if (lane < lanes) y[lane] = 1;
}

__global__ void uneven_loop_kernel(const float* x, float* y) {
    const int lane = static_cast<int>(threadIdx.x);
    float sum = 0;
    for (int i = 0; i <= lane; ++i) sum += x[32 * i + lane];
    y[lane] = sum;
}

__global__ void branch_in_loop_kernel(const float* x, float* y) {
    const int lane = static_cast<int>(threadIdx.x);
    float sum = 0;
    for (int i = 0; i < 4; ++i)
        if (x[32 * i + lane] + static_cast<float>(lane / 8 + i) < 3) sum += x[128 + 32 * i + lane];
    y[lane] = sum;
}

__global__ void cut_copies_kernel(const float* x, float* y, int rounds) {
    SHARED_MEMORY(tile, float[2 * 32 * 4]);
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = 0; i < rounds; ++i) copy_async(tile + (i * 32 + lane) * 4, x + lane * 4, lane < 8 + i ? 16 : 0);
    commit_copies();
    wait_copies<0>();
    __syncwarp();
    y[lane] = tile[lane] + tile[32 * 4 + lane];
}

template <int width>
__global__ void shared_kernel(float* y, int stride) {
    SHARED_MEMORY(tile, float[32 * 32]);
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < 32 * 32; i += 32) tile[i] = 0;
    __syncthreads();
    const auto v = load<width>(tile + lane * stride);
    float sum = 0;
    for (int i = 0; i < width; ++i) sum += v[i];
    y[lane] = sum;
}

__global__ void transpose_kernel(float* y, int pitch, bool swizzled) {
    SHARED_MEMORY(tile, float[32 * 33]);
    const int lane = static_cast<int>(threadIdx.x);
    const auto at = [&](int row, int column) { return row * pitch + (swizzled ? column ^ row : column); };
    for (int row = 0; row < 32; ++row) tile[at(row, lane)] = 0;
    __syncwarp();
    float sum = 0;
    for (int column = 0; column < 32; ++column) sum += tile[at(lane, column)];
    y[lane] = sum;
}

__global__ void load_matrix_kernel(unsigned* y, bool swizzled) {
    SHARED_MEMORY(tile, bf16[32 * 64]);
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < 32 * 64; i += 32) tile[i] = bf16(0.0f);
    __syncwarp();
    unsigned fragment[4];
    load_matrix_x4(fragment, tile + lane * 64 + (swizzled ? lane % 8 : 0) * 8);
    y[lane] = fragment[0];
}

__global__ void operations_kernel(const float* x, float* y) {
    SHARED_MEMORY(tile, float[64 * 4]);
    const int i = static_cast<int>(threadIdx.x);
    copy_async(tile + 4 * i, x + 4 * i);
    commit_copies();
    wait_copies<0>();
    __syncthreads();
    float v = tile[4 * i];
    for (int step = 1; step < 8; step *= 2) v += __shfl_xor_sync(0xffffffffu, v, step);
    const unsigned a[4] = {}, b[2] = {};
    float c[4] = {};
    mma_bf16(c, a, b);
    __syncthreads();
    y[blockIdx.x * blockDim.x + threadIdx.x] = v + c[0];
}

template <class... Parameters, class... Arguments>
emulator::LaunchCounts counted(void (*kernel)(Parameters...), const LaunchShape& shape, Arguments... arguments) {
    const emulator::Counting counting;
    launch("counted", kernel, shape, arguments...);
    return counting.launches().at(0);
}

Tensor floats(std::int64_t count) { return Tensor::zeros({count}, Dtype::f32, Device::emulated); }

}  // namespace
}  // namespace camber::emulated

namespace camber::testing {

using namespace emulated;
using emulator::LaunchCounts;

LaunchCounts count_strided(int begin, int stride) {
    const Tensor x = floats(begin + 31 * stride + 1), y = floats(32);
    return counted(strided_kernel, {1, 32}, x.data<float>(), y.data<float>(), begin, stride);
}
LaunchCounts count_float4() {
    const Tensor x = floats(128), y = floats(32);
    return counted(float4_kernel, {1, 32}, x.data<float>(), y.data<float>());
}
LaunchCounts count_divergent(int lanes) {
    const Tensor y = floats(32);
    return counted(divergent_kernel, {1, 32}, y.data<float>(), lanes);
}
LaunchCounts count_uneven_loop() {
    const Tensor x = floats(32 * 32), y = floats(32);
    return counted(uneven_loop_kernel, {1, 32}, x.data<float>(), y.data<float>());
}
LaunchCounts count_branch_in_loop() {
    const Tensor x = floats(256), y = floats(32);
    return counted(branch_in_loop_kernel, {1, 32}, x.data<float>(), y.data<float>());
}
LaunchCounts count_cut_copies() {
    const Tensor x = floats(128), y = floats(32);
    return counted(cut_copies_kernel, {1, 32}, x.data<float>(), y.data<float>(), 2);
}
LaunchCounts count_shared(int stride) {
    const Tensor y = floats(32);
    return counted(shared_kernel<1>, {1, 32}, y.data<float>(), stride);
}
LaunchCounts count_shared_float2() {
    const Tensor y = floats(32);
    return counted(shared_kernel<2>, {1, 32}, y.data<float>(), 2);
}
LaunchCounts count_shared_float4() {
    const Tensor y = floats(32);
    return counted(shared_kernel<4>, {1, 32}, y.data<float>(), 4);
}
LaunchCounts count_transpose(int pitch, bool swizzled) {
    const Tensor y = floats(32);
    return counted(transpose_kernel, {1, 32}, y.data<float>(), pitch, swizzled);
}
LaunchCounts count_load_matrix(bool swizzled) {
    const Tensor y = Tensor::zeros({32}, Dtype::i32, Device::emulated);
    return counted(load_matrix_kernel, {1, 32}, reinterpret_cast<unsigned*>(y.data<int>()), swizzled);
}
LaunchCounts count_operations() {
    const Tensor x = floats(64 * 4), y = floats(128);
    return counted(operations_kernel, {2, 64}, x.data<float>(), y.data<float>());
}

}  // namespace camber::testing
