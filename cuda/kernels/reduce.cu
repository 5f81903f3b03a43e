/// The sum of all elements; sums of channels are in sum_channels.cu.
///
/// Layout: flat. Bytes: every element once. Strategy: 16-byte accesses, some elements at a time in f32 and those sums
/// in f64, a partial sum a block; the block that comes last adds those, in their order.
#include "cuda/kernels/reduce.h"

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/sum_channels.h"
#include "cuda/runtime/arrivals.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int threads = 256;
constexpr int batch = 4;  // vectors in flight a thread

template <class T, int width>
__global__ void __launch_bounds__(threads)
    sum_kernel(const T* x, std::int64_t count, double* partial, unsigned* arrived, float* y) {
    SHARED_MEMORY(scratch, double[threads / 32]);
    const std::int64_t first = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    const std::int64_t step = std::int64_t{gridDim.x} * threads, vectors = count / width;
    double total = 0;
    std::int64_t i = first;
    for (; i + (batch - 1) * step < vectors; i += batch * step) {
        Vec<T, width> v[batch];
#pragma unroll
        for (int k = 0; k < batch; ++k) v[k] = load<width>(x + (i + k * step) * width);
        float sum = 0;
#pragma unroll
        for (int k = 0; k < batch; ++k)
#pragma unroll
            for (int j = 0; j < width; ++j) sum += to_float(v[k][j]);
        total += static_cast<double>(sum);
    }
    for (; i < vectors; i += step) {
        const auto v = load<width>(x + i * width);
#pragma unroll
        for (int j = 0; j < width; ++j) total += static_cast<double>(to_float(v[j]));
    }
    if (vectors * width + first < count) total += static_cast<double>(to_float(x[vectors * width + first]));
    finish_sum<threads>(total, partial, arrived, scratch, [=](double sum) { *y = static_cast<float>(sum); });
}

}  // namespace

void GpuBackend::sum(const Tensor& x, const Tensor& y) {
    if (y.shape().rank() > 0) return sum_channels({x}, {}, y);
    dispatch(x, [&]<class T>(T) {
        constexpr int width = vector_width<T>;
        const bool aligned = aligned_to(x, 16);
        const auto kernel = aligned ? sum_kernel<T, width> : sum_kernel<T, 1>;
        const unsigned blocks =
            blocks_for(x.numel(), threads * batch * (aligned ? width : 1), resident_blocks(kernel, threads));
        const Tensor partial = Tensor::empty({blocks}, Dtype::f64, this_device);
        launch("sum", kernel, {blocks, threads}, x.data<T>(), x.numel(), partial.data<double>(), arrival_counters(),
               y.data<float>());
    });
}

}  // namespace camber::CAMBER_GPU
