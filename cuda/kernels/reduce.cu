/// The sum of all elements (sums of channels are in sum_channels.cu), and labels from scores.
///
/// sum. Layout: flat. Bytes: every element once. Strategy: 16-byte accesses, some elements at a time in f32 and those
/// sums in f64, a partial sum a block; the block that comes last adds those, in their order.
///
/// argmax. Layout: rows of C scores, a byte out for each. Bytes: the scores once; [16, 256, 256, 12] of bf16 is 25 MB,
/// 8 us at 3.35 TB/s. Strategy: see rows.h.
#include "cuda/kernels/reduce.h"

#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/numeric.h"
#include "cuda/kernels/rows.h"
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

/// A NaN is never the largest, but stays where it is the first of a row: `v > best` is false of it.
template <class Row, class T>
__global__ void __launch_bounds__(row_threads) argmax_kernel(Rows<T, 1> rows, std::uint8_t* labels) {
    // Rows come in the order of for_rows: a thread's next one is `step` further on.
    std::int64_t row = (std::int64_t{blockIdx.x} * row_warps + threadIdx.x / 32) * (Row::lanes == 1 ? 32 : 1);
    if (Row::lanes == 1) row += threadIdx.x % 32;
    const std::int64_t step = std::int64_t{gridDim.x} * row_warps * (Row::lanes == 1 ? 32 : 1);
    for_rows<Row>(rows, blockIdx.x, gridDim.x, [&](int, const T* const(&in)[1], T*) {
        constexpr int none = 1 << 30;
        float best = -INFINITY;
        int label = none;
        if constexpr (Row::lanes == 1) {
            best = to_float(in[0][0]);
            label = 0;
            for (int c = 1; c < rows.channels; ++c) {
                const float v = to_float(in[0][c]);
                if (v > best) best = v, label = c;
            }
        } else {
            for (int c = Row::channel(0); c < rows.channels; c += 32) {
                const float v = to_float(in[0][c]);
                if (v > best || (v == best && label == none)) best = v, label = c;
            }
#pragma unroll
            for (int offset = 16; offset > 0; offset /= 2) {
                const float v = __shfl_xor_sync(full_mask, best, offset);
                const int c = __shfl_xor_sync(full_mask, label, offset);
                if (v > best || (v == best && c < label)) best = v, label = c;
            }
            const float first = to_float(in[0][0]);
            if (first != first || label == none) label = 0;
        }
        if (Row::lanes == 1 || threadIdx.x % 32 == 0) labels[row] = static_cast<std::uint8_t>(label);
        row += step;
    });
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

void GpuBackend::argmax(const Tensor& x, const Tensor& labels) {
    if (x.numel() == 0) return;
    dispatch(x, [&]<class T>(T) {
        const auto channels = static_cast<int>(x.shape().back());
        const Rows<T, 1> rows = {.in = {x.data<T>()},
                                 .out = nullptr,
                                 .labels = nullptr,
                                 .count = x.numel() / channels,
                                 .length = channels,
                                 .channels = channels,
                                 .wide = aligned_to(x, 16)};
        const auto with_lanes = [&]<class Row>(Row) {
            const auto kernel = argmax_kernel<Row, T>;
            const std::size_t shared = rows.shared_bytes();
            const unsigned blocks =
                blocks_for(rows.count, row_threads / Row::lanes, resident_blocks(kernel, row_threads, shared));
            launch("argmax", kernel, {blocks, row_threads, shared}, rows, labels.data<std::uint8_t>());
        };
        if (channels <= most_lone_channels)
            with_lanes(RowShape<1, 1>{});
        else
            with_lanes(RowShape<1, 32>{});
    });
}

}  // namespace camber::CAMBER_GPU
