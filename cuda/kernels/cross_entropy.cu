/// Cross-entropy of softmax(logits) by itself, the loss of most trainings, with the confusion matrix of the argmax.
///
///   loss = sum_i w_ti (log sum_c exp z_ic - z_iti) / sum_i w_ti,   dz_ic = (q_ic - [c = ti]) w_ti / sum_i w_ti
///
/// Layout: logits [pixels, at least C], labels [pixels] u8. Bytes: logits and labels once forward; logits, labels and
/// gradient once backward. For [16, 256, 256, 12] of bf16 26 MB and 51 MB, 8 and 15 us at 3.35 TB/s; C exponentials and
/// some 4 C operations a pixel, which loss.cu's general form has twice as many of.
///
/// Strategy: see rows.h; sums in f32 over a thread's pixels and in f64 over blocks, which the block that comes last
/// adds in a fixed order. A label that is neither a class nor ignore_index makes the loss NaN. Of a batch that several
/// processes share it leaves its sums, and what they are over all shares becomes the loss in a kernel of one thread.
#include "cuda/kernels/cross_entropy.h"

#include "core/batch_share.h"
#include "cuda/kernels/pixel_counts.h"
#include "cuda/kernels/rows.h"
#include "cuda/runtime/arrivals.h"

namespace camber::CAMBER_GPU {
namespace {

/// Blocks a multiprocessor.
template <class Row>
inline constexpr int resident = Row::slots > 16 ? 4 : 8;

/// Of the block's pixels and then of all: the sum of weight * -log q, of the weights, and the number of valid pixels.
struct Sums {
    double loss, weight, pixels;
};

__device__ __forceinline__ void set_loss(const Sums& all, double scale, double* stats, float* loss) {
    stats[0] = all.weight;
    stats[1] = all.pixels;
    // A wrong label's NaN stays, where nothing else counts too.
    *loss = static_cast<float>(all.weight > 0 || all.loss != all.loss ? scale * all.loss / all.weight : 0.0);
}

/// shared: null, or where the sums are left.
template <class Row, class T>
__global__ void __launch_bounds__(row_threads, resident<Row>)
    cross_entropy_kernel(Rows<T, 1> rows, const float* weights, int ignore_index, double scale, Sums* partial,
                         unsigned* arrived, int* counts, double* stats, float* loss, Sums* shared) {
    SHARED_MEMORY(warp_sums, Sums[row_warps]);
    const int classes = rows.channels;
    PixelCounts pixel_counts(counts, classes, rows.shared_bytes());
    if (counts) __syncthreads();
    float sum = 0, weight = 0, pixels = 0;
    for_rows<Row>(rows, blockIdx.x, gridDim.x, [&](int label, const T* const(&in)[1], T*) {
        // Read before the label is looked at, which is on its way too.
        float e[Row::slots];
        load_row<Row>(in[0], rows.length, classes, e, -INFINITY);
        if (label == ignore_index) return;
        if (label >= classes) {
            sum = NAN;
            return;
        }
        const float own = to_float(in[0][label]), largest = largest_of<Row>(e);
        if (counts) pixel_counts.add<Row>(label, channel_of<Row>(largest, e));
        const float w = weights ? weights[label] : 1.0f;
        sum = fmaf(w, __logf(exponentials<Row>(e, largest)) - (own - largest), sum);
        weight += w;
        pixels += 1;
    });
    if constexpr (Row::lanes == 1) {
        sum = warp_sum(sum);
        weight = warp_sum(weight);
        pixels = warp_sum(pixels);
    }
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    if (lane == 0)
        warp_sums[thread / 32] = {static_cast<double>(sum), static_cast<double>(weight), static_cast<double>(pixels)};
    __syncthreads();
    pixel_counts.deliver();
    const auto sum_warps = [&] {
        Sums block = {};
        for (const Sums& of_warp : warp_sums) {
            block.loss += of_warp.loss;
            block.weight += of_warp.weight;
            block.pixels += of_warp.pixels;
        }
        return block;
    };
    if (thread == 0) partial[blockIdx.x] = sum_warps();
    if (!last_to_arrive(arrived, gridDim.x)) return;
    Sums all = {};
#pragma unroll 4
    for (unsigned b = threadIdx.x; b < gridDim.x; b += row_threads) {
        all.loss += from_other_block(&partial[b].loss);
        all.weight += from_other_block(&partial[b].weight);
        all.pixels += from_other_block(&partial[b].pixels);
    }
    all = {warp_sum(all.loss), warp_sum(all.weight), warp_sum(all.pixels)};
    if (lane == 0) warp_sums[thread / 32] = all;
    __syncthreads();
    if (thread != 0) return;
    if (shared)
        *shared = sum_warps();
    else
        set_loss(sum_warps(), scale, stats, loss);
}

__global__ void shared_cross_entropy_kernel(const Sums* shared, double scale, double* stats, float* loss) {
    set_loss(*shared, scale, stats, loss);
}

template <class Row, class T>
__global__ void __launch_bounds__(row_threads, resident<Row>)
    cross_entropy_backward_kernel(Rows<T, 1> rows, const float* weights, int ignore_index, double scale,
                                  const double* stats, const float* grad_loss) {
    const int classes = rows.channels;
    const auto per_weight = static_cast<float>(stats[0] > 0 ? static_cast<double>(*grad_loss) * scale / stats[0] : 0);
    for_rows<Row>(rows, blockIdx.x, gridDim.x, [&](int label, const T* const(&in)[1], T* out) {
        float e[Row::slots];
        load_row<Row>(in[0], rows.length, classes, e, -INFINITY);
        if (label == ignore_index || label >= classes) {
#pragma unroll
            for (int s = 0; s < Row::slots; ++s) e[s] = 0;
        } else {
            const float total = exponentials<Row>(e, largest_of<Row>(e));
            const float own = weights ? weights[label] * per_weight : per_weight, factor = own / total;
#pragma unroll
            for (int s = 0; s < Row::slots; ++s) e[s] = fmaf(e[s], factor, Row::channel(s) == label ? -own : 0.0f);
        }
        store_row<Row>(out, rows.length, classes, e);
    });
}

template <class T>
Rows<T, 1> rows_of(const Tensor& logits, const Tensor& labels, T* gradient, bool wide,
                   const SegmentationLossParams& p) {
    const auto length = static_cast<int>(logits.shape().back());
    return {.in = {logits.data<T>()},
            .out = gradient,
            .labels = labels.data<std::uint8_t>(),
            .count = labels.numel(),
            .length = length,
            .channels = p.classes > 0 ? p.classes : length,
            .wide = wide};
}

/// Blocks for rows: no more than the device holds at once, four rows a thread or warp at least.
template <class Row, class... Parameters>
unsigned blocks_of(std::int64_t rows, void (*kernel)(Parameters...), std::size_t shared_bytes) {
    return blocks_for(rows, 4 * row_threads / Row::lanes, resident_blocks(kernel, row_threads, shared_bytes));
}

}  // namespace

bool is_cross_entropy_alone(const SegmentationLossParams& p, const Tensor& stats) {
    return p.dice == 0 && p.jaccard == 0 && p.focal == 0 && p.label_smoothing == 0 && stats.numel() == 2;
}

void cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& class_weights, const Tensor& loss,
                   const Tensor& stats, const Tensor& counts, const SegmentationLossParams& p) {
    dispatch(logits, [&]<class T>(T) {
        const Rows<T, 1> rows = rows_of<T>(logits, labels, nullptr, aligned_to(logits, 16), p);
        with_row_shape(rows.channels, [&]<class Row>(Row) {
            const auto kernel = cross_entropy_kernel<Row, T>;
            const std::size_t shared = rows.shared_bytes() + PixelCounts::shared_bytes(counts, rows.channels);
            const unsigned blocks = blocks_of<Row>(rows.count, kernel, shared);
            const Tensor partial = Tensor::empty({std::int64_t{blocks} * std::int64_t{sizeof(Sums) / sizeof(double)}},
                                                 Dtype::f64, this_device);
            const BatchShare* const share = batch_share();
            const Tensor sums =
                share ? Tensor::empty({sizeof(Sums) / sizeof(double)}, Dtype::f64, this_device) : Tensor();
            auto* const left = reinterpret_cast<Sums*>(pointer<double>(sums));
            launch("cross_entropy", kernel, {blocks, row_threads, shared}, rows, pointer<const float>(class_weights),
                   p.ignore_index, p.cross_entropy, reinterpret_cast<Sums*>(partial.data<double>()), arrival_counters(),
                   pointer<int>(counts), stats.data<double>(), loss.data<float>(), left);
            if (!share) return;
            share->sum(sums);
            launch("cross_entropy, shared", shared_cross_entropy_kernel, {1, 1}, left, p.cross_entropy,
                   stats.data<double>(), loss.data<float>());
        });
    });
}

void cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                            const Tensor& stats, const Tensor& grad_loss, const Tensor& dlogits,
                            const SegmentationLossParams& p) {
    dispatch(logits, [&]<class T>(T) {
        const Rows<T, 1> rows =
            rows_of<T>(logits, labels, dlogits.data<T>(), aligned_to(logits, 16) && aligned_to(dlogits, 16), p);
        with_row_shape(rows.channels, [&]<class Row>(Row) {
            const auto kernel = cross_entropy_backward_kernel<Row, T>;
            const std::size_t shared = rows.shared_bytes();
            launch("cross_entropy_backward", kernel, {blocks_of<Row>(rows.count, kernel, shared), row_threads, shared},
                   rows, pointer<const float>(class_weights), p.ignore_index, p.cross_entropy, stats.data<double>(),
                   grad_loss.data<float>());
        });
    });
}

}  // namespace camber::CAMBER_GPU
