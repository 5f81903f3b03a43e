/// Labels from scores, and the confusion matrix.
///
/// argmax. Layout: rows of C scores, a byte out for each. Bytes: the scores once; [16, 256, 256, 12] of bf16 is 25 MB,
/// 8 us at 3.35 TB/s. Strategy: see rows.h.
/// confusion_matrix. Bytes: two an element. Strategy: a block counts in shared memory where the matrix fits, 16 labels
/// at a time, and adds its counts to the result; integers add up to the same in any order.
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/rows.h"

namespace camber::CAMBER_GPU {
namespace {

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

constexpr int count_threads = 256;

/// `shared_cells`: classes * classes where counts are kept in shared memory first, else 0.
__global__ void __launch_bounds__(count_threads)
    confusion_kernel(const std::uint8_t* prediction, const std::uint8_t* truth, int* counts, std::int64_t pixels,
                     int classes, int ignore_index, int shared_cells, bool wide) {
    int* const histogram = shared_cells > 0 ? dynamic_shared<int>() : counts;
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < shared_cells; i += count_threads) histogram[i] = 0;
    __syncthreads();
    const auto count = [&](int p, int t) {
        if (t != ignore_index && t < classes && p < classes) atomicAdd(histogram + t * classes + p, 1);
    };
    const std::int64_t first = std::int64_t{blockIdx.x} * count_threads + thread;
    const std::int64_t step = std::int64_t{gridDim.x} * count_threads;
    const std::int64_t vectors = wide ? pixels / 16 : 0;
    for (std::int64_t i = first; i < vectors; i += step) {
        const auto p = load<16>(prediction + i * 16), t = load<16>(truth + i * 16);
#pragma unroll
        for (int j = 0; j < 16; ++j) count(p[j], t[j]);
    }
    for (std::int64_t i = vectors * 16 + first; i < pixels; i += step) count(prediction[i], truth[i]);
    if (shared_cells == 0) return;
    __syncthreads();
    for (int i = thread; i < shared_cells; i += count_threads)
        if (histogram[i] > 0) atomicAdd(counts + i, histogram[i]);
}

}  // namespace

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

void GpuBackend::confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts,
                                  int ignore_index) {
    if (truth.numel() == 0) return;
    const auto classes = static_cast<int>(counts.dim(0));
    const int cells = classes * classes * static_cast<int>(sizeof(int)) <= 48 * 1024 ? classes * classes : 0;
    const LaunchShape shape = {blocks_for(truth.numel(), 16 * count_threads, device_properties().multiprocessors * 2),
                               count_threads, static_cast<std::size_t>(cells) * sizeof(int)};
    launch("confusion_matrix", confusion_kernel, shape, prediction.data<std::uint8_t>(), truth.data<std::uint8_t>(),
           counts.data<int>(), truth.numel(), classes, ignore_index, cells,
           aligned_to(prediction, 16) && aligned_to(truth, 16));
}

}  // namespace camber::CAMBER_GPU
