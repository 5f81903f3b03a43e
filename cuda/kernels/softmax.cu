/// Softmax over the last axis, and its backward step.
///
///   y_c = exp(x_c - max x) / sum_k exp(x_k - max x),   dx_c = y_c (dy_c - sum_k y_k dy_k)
///
/// Layout: rows of C elements. Bytes: every tensor once; for the logits of [16, 256, 256, 12] in bf16 2 * 25 MB
/// forward, 15 us at 3.35 TB/s, and 3 * 25 MB backward; some ten operations an element. Strategy: see rows.h; rows of
/// more than 32 channels are read by their warp once for each of the steps, from the L1 cache after the first.
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/rows.h"

namespace camber::CAMBER_GPU {
namespace {

template <class Row, class T>
__global__ void __launch_bounds__(row_threads, 4) softmax_kernel(Rows<T, 1> rows) {
    for_rows<Row>(rows, blockIdx.x, gridDim.x, [&](int, const T* const(&in)[1], T* out) {
        float v[Row::slots];
        load_row<Row>(in[0], rows.length, rows.channels, v, -INFINITY);
        const float inverse = 1.0f / exponentials<Row>(v, largest_of<Row>(v));
#pragma unroll
        for (int s = 0; s < Row::slots; ++s) v[s] *= inverse;
        store_row<Row>(out, rows.length, rows.channels, v);
    });
}

template <class Row, class T>
__global__ void __launch_bounds__(row_threads, 4) softmax_backward_kernel(Rows<T, 2> rows) {
    for_rows<Row>(rows, blockIdx.x, gridDim.x, [&](int, const T* const(&in)[2], T* out) {
        float y[Row::slots], dy[Row::slots], dot = 0;
        load_row<Row>(in[0], rows.length, rows.channels, y, 0.0f);
        load_row<Row>(in[1], rows.length, rows.channels, dy, 0.0f);
#pragma unroll
        for (int s = 0; s < Row::slots; ++s) dot = fmaf(y[s], dy[s], dot);
#pragma unroll
        for (int s = 0; s < Row::slots; ++s) y[s] *= dy[s] - dot;
        store_row<Row>(out, rows.length, rows.channels, y);
    });
}

/// Calls f(row) for the rows of this warp.
template <class F>
__device__ __forceinline__ void for_warp_rows(std::int64_t rows, F f) {
    for (std::int64_t row = std::int64_t{blockIdx.x} * row_warps + threadIdx.x / 32; row < rows;
         row += std::int64_t{gridDim.x} * row_warps)
        f(row);
}

template <class T>
__global__ void __launch_bounds__(row_threads) wide_softmax_kernel(Rows<T, 1> rows) {
    const int lane = static_cast<int>(threadIdx.x) % 32, channels = rows.channels;
    for_warp_rows(rows.count, [&](std::int64_t row) {
        const T* const x = rows.in[0] + row * channels;
        T* const y = rows.out + row * channels;
        float largest = -INFINITY, total = 0;
#pragma unroll 4
        for (int c = lane; c < channels; c += 32) {
            const float v = to_float(x[c]);
            largest = v > largest ? v : largest;
        }
        largest = warp_max(largest);
        for (int c = lane; c < channels; c += 32) total += fast_exp(to_float(x[c]) - largest);
        const float inverse = 1.0f / warp_sum(total);
        for (int c = lane; c < channels; c += 32) y[c] = from_float<T>(fast_exp(to_float(x[c]) - largest) * inverse);
    });
}

template <class T>
__global__ void __launch_bounds__(row_threads) wide_softmax_backward_kernel(Rows<T, 2> rows) {
    const int lane = static_cast<int>(threadIdx.x) % 32, channels = rows.channels;
    for_warp_rows(rows.count, [&](std::int64_t row) {
        const T *const y = rows.in[0] + row * channels, *const dy = rows.in[1] + row * channels;
        T* const dx = rows.out + row * channels;
        float dot = 0;
        for (int c = lane; c < channels; c += 32) dot = fmaf(to_float(y[c]), to_float(dy[c]), dot);
        dot = warp_sum(dot);
        for (int c = lane; c < channels; c += 32) dx[c] = from_float<T>(to_float(y[c]) * (to_float(dy[c]) - dot));
    });
}

/// Launches the kernel for rows of this many channels; choose(Row) gives that of a thread's own rows.
template <class T, int inputs, class Choose>
void launch_rows(const char* name, const Rows<T, inputs>& rows, void (*wide_kernel)(Rows<T, inputs>), Choose choose) {
    if (rows.count == 0) return;
    if (rows.channels > most_lone_channels)
        return launch(name, wide_kernel,
                      {blocks_for(rows.count, row_warps, resident_blocks(wide_kernel, row_threads)), row_threads},
                      rows);
    with_row_shape(rows.channels, [&]<class Row>(Row row) {
        if constexpr (Row::lanes == 1) {
            const auto kernel = choose(row);
            const std::size_t shared = rows.shared_bytes();
            launch(name, kernel,
                   {blocks_for(rows.count, row_threads, resident_blocks(kernel, row_threads, shared)), row_threads,
                    shared},
                   rows);
        }
    });
}

}  // namespace

void GpuBackend::softmax(const Tensor& x, const Tensor& y) {
    dispatch(x, [&]<class T>(T) {
        const auto channels = static_cast<int>(x.shape().back());
        const Rows<T, 1> rows = {.in = {x.data<T>()},
                                 .out = y.data<T>(),
                                 .labels = nullptr,
                                 .count = x.numel() / channels,
                                 .length = channels,
                                 .channels = channels,
                                 .wide = aligned_to(x, 16) && aligned_to(y, 16)};
        launch_rows("softmax", rows, wide_softmax_kernel<T>, []<class Row>(Row) { return softmax_kernel<Row, T>; });
    });
}

void GpuBackend::softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) {
    dispatch(y, [&]<class T>(T) {
        const auto channels = static_cast<int>(y.shape().back());
        const Rows<T, 2> rows = {.in = {y.data<T>(), dy.data<T>()},
                                 .out = dx.data<T>(),
                                 .labels = nullptr,
                                 .count = y.numel() / channels,
                                 .length = channels,
                                 .channels = channels,
                                 .wide = aligned_to(y, 16) && aligned_to(dy, 16) && aligned_to(dx, 16)};
        launch_rows("softmax_backward", rows, wide_softmax_backward_kernel<T>,
                    []<class Row>(Row) { return softmax_backward_kernel<Row, T>; });
    });
}

}  // namespace camber::CAMBER_GPU
