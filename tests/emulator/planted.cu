#include "emulator/planted.h"

#include <camber/tensor.h>

#include <vector>

#include "cuda/kernels/matrix.h"
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/reduce.h"

namespace camber::emulated {
namespace {

constexpr int threads = 64;
using testing::Fault;

__global__ void reverse_kernel(const float* x, float* y, Fault fault) {
    SHARED_MEMORY(tile, float[threads]);
    const int t = static_cast<int>(threadIdx.x);
    const float* mine = x + blockIdx.x * threads;
    if (fault != Fault::unwritten_shared || t != 5) tile[t] = mine[t];
    if (fault != Fault::missing_barrier) __syncthreads();
    const float mirrored = tile[threads - 1 - t];
    if (fault != Fault::missing_barrier_reuse) __syncthreads();
    tile[t] = 2 * mirrored;
    __syncthreads();
    y[blockIdx.x * threads + threadIdx.x] = tile[t];
}

__global__ void overrun_kernel(const float* x, float* y, Fault fault) {
    SHARED_MEMORY(tile, float[threads]);
    const int t = static_cast<int>(threadIdx.x), last = static_cast<int>(gridDim.x) * threads;
    const int i = static_cast<int>(blockIdx.x) * threads + t;
    int to = t, from = i;
    if (fault == Fault::shared_overrun && i == last - 1) to = t + 1;
    if (fault == Fault::global_overrun && i == last - 1) from = i + 1;
    if (fault == Fault::global_underrun && i == 0) from = -1;
    tile[to] = x[from];
    y[i] = x[i];
}

__global__ void barrier_kernel(float* y, Fault fault) {
    const int t = static_cast<int>(threadIdx.x);
    if (fault == Fault::early_exit && t == 7) return;
    if (fault == Fault::divergent_barrier) {
        if (t < threads / 2) __syncthreads();
    } else if (fault == Fault::different_barriers && t < threads / 2) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    y[blockIdx.x * threads + threadIdx.x] = 1;
}

__global__ void shuffle_kernel(float* y, Fault fault) {
    const int t = static_cast<int>(threadIdx.x), lane = t % 32;
    if (fault == Fault::inactive_lane_exited && t == 3) return;
    float v = 0;
    if (fault == Fault::inactive_lane_masked) {
        if (lane < 16) v = __shfl_sync(0xffffu, static_cast<float>(lane), 20);
    } else if (fault == Fault::lonely_shuffle) {
        if (lane < 16) v = __shfl_sync(full_mask, static_cast<float>(lane), 0);
    } else {
        v = __shfl_xor_sync(full_mask, static_cast<float>(lane), 1);
    }
    y[blockIdx.x * threads + threadIdx.x] = v;
}

__global__ void copy_kernel(const float* x, float* y, Fault fault) {
    SHARED_MEMORY(tile, float[threads]);
    const int t = static_cast<int>(threadIdx.x);
    if (t < threads / 4) copy_async(tile + 4 * t, x + blockIdx.x * threads + 4 * t);
    commit_copies();
    if (fault != Fault::missing_copy_wait) wait_copies<0>();
    __syncthreads();
    y[blockIdx.x * threads + threadIdx.x] = tile[t];
    if (fault == Fault::missing_copy_wait) wait_copies<0>();
}

__global__ void matrix_kernel(float* y, Fault fault) {
    SHARED_MEMORY(tile, bf16[32 * 16]);
    const int t = static_cast<int>(threadIdx.x);
    for (int i = t; i < 32 * 16; i += threads) tile[i] = bf16(static_cast<float>(i % 7));
    __syncthreads();
    unsigned fragment[4];
    load_matrix_x4(fragment, tile + t % 32 * 8 + (fault == Fault::misaligned_matrix_row ? 1 : 0));
    y[blockIdx.x * threads + threadIdx.x] = static_cast<float>(fragment[0] != 0);
}

__global__ void large_kernel(float* y, Fault fault) {
    SHARED_MEMORY(first, float[32 * 1024]);
    const int t = static_cast<int>(threadIdx.x);
    first[t] = 1;
    if (fault == Fault::too_much_shared) {
        SHARED_MEMORY(second, float[32 * 1024]);
        second[t] = 1;
    }
    y[blockIdx.x * threads + threadIdx.x] = first[t];
}

}  // namespace
}  // namespace camber::emulated

namespace camber::testing {

std::string run_planted(Fault fault, bool planted) {
    using namespace emulated;
    constexpr unsigned blocks = 3;
    const std::vector<float> values(blocks * threads, 1.5f);
    const Tensor x = Tensor::from(values, {blocks * threads}, Device::emulated);
    const Tensor y = Tensor::empty({blocks * threads}, Dtype::f32, Device::emulated);
    const Fault f = planted ? fault : Fault::none;
    const LaunchShape shape = {blocks, threads};
    try {
        switch (fault) {
            case Fault::none:
            case Fault::missing_barrier:
            case Fault::missing_barrier_reuse:
            case Fault::unwritten_shared:
                launch("reverse", reverse_kernel, shape, x.data<float>(), y.data<float>(), f);
                break;
            case Fault::shared_overrun:
            case Fault::global_overrun:
            case Fault::global_underrun:
                launch("overrun", overrun_kernel, shape, x.data<float>(), y.data<float>(), f);
                break;
            case Fault::host_pointer:
                launch("overrun", overrun_kernel, shape, planted ? values.data() : x.data<float>(), y.data<float>(), f);
                break;
            case Fault::returned_memory: {
                const float* gone = x.data<float>();
                if (planted) {
                    const Tensor large = Tensor::empty({1 << 22}, Dtype::f32, Device::emulated);
                    gone = large.data<float>();
                }
                device_memory(Device::emulated).trim();
                launch("overrun", overrun_kernel, shape, gone, y.data<float>(), f);
                break;
            }
            case Fault::divergent_barrier:
            case Fault::different_barriers:
            case Fault::early_exit:
                launch("barrier", barrier_kernel, shape, y.data<float>(), f);
                break;
            case Fault::inactive_lane_exited:
            case Fault::inactive_lane_masked:
            case Fault::lonely_shuffle:
                launch("shuffle", shuffle_kernel, shape, y.data<float>(), f);
                break;
            case Fault::missing_copy_wait:
                launch("copy", copy_kernel, shape, x.data<float>(), y.data<float>(), f);
                break;
            case Fault::misaligned_matrix_row:
                launch("matrix", matrix_kernel, shape, y.data<float>(), f);
                break;
            case Fault::too_much_shared:
                launch("large", large_kernel, shape, y.data<float>(), f);
                break;
        }
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace camber::testing
