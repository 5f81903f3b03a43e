/// Cross-entropy, Dice, Jaccard and focal loss of softmax(logits), fused; formulas in camber/ops.h. Cross-entropy
/// alone: see cross_entropy.cu.
///
/// Layout: logits [N, H, W, C], labels [N, H, W] u8, sums f64. Bytes: logits and labels once forward; logits, labels
/// and gradient once backward. For [16, 256, 256, 12] of bf16 26 MB and 51 MB, 8 and 15 us at 3.35 TB/s; C exponentials
/// and some 10 C operations a pixel, about as long.
///
/// Strategy: see rows.h: a thread has a pixel's logits in registers. Forward, it keeps the sums of q t, q and t of
/// every class in registers over its pixels, all of one image; warps add theirs by halves (warp_sums), blocks in f64. A
/// last kernel of one block adds the blocks' sums, of which there are many, in a fixed order and makes the loss of
/// them. Backward, every block works out the terms' slopes from the sums once. A label that is neither a class nor
/// ignore_index makes the loss NaN. Pixels are counted in the confusion matrix on the way.
///
/// Of a batch that several processes share the last kernel is two, between which the sums become those of all shares:
/// of classes where a group is the batch, else the part of the loss that is a sum over images, and the others.
#include "backend/shared_sums.h"
#include "cuda/kernels/cross_entropy.h"
#include "cuda/kernels/gpu_backend.h"
#include "cuda/kernels/pixel_counts.h"
#include "cuda/kernels/rows.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int most_classes = 256;

/// Sums over the valid pixels of one class: of q * t, of q, of t.
struct Overlap {
    double both, predicted, truth;

    __device__ explicit Overlap(const double* sums) : both(sums[0]), predicted(sums[1]), truth(sums[2]) {}
    __device__ double dice(double smooth) const { return ratio(2 * both + smooth, predicted + truth + smooth); }
    __device__ double jaccard(double smooth) const { return ratio(both + smooth, predicted + truth - both + smooth); }
    /// A class that is neither there nor predicted is right, also without smoothing.
    __device__ static double ratio(double numerator, double denominator) {
        return denominator > 0 ? numerator / denominator : 1;
    }
};

/// What both passes know. Blocks [n * parts, (n + 1) * parts) share image n.
template <class T>
struct Problem {
    const T* logits;
    const std::uint8_t* labels;
    const float *weights, *alphas;  ///< null: all 1
    std::int64_t image;             ///< pixels of one
    int images, parts;
    int length, classes;  ///< of a pixel's row; of it in use
    int groups;           ///< of class sums: images, 1, or none
    int all_groups;       ///< of all shares of the batch
    bool wide;
    SegmentationLossParams p;

    /// Of image `number`.
    __host__ __device__ Rows<T, 1> rows(T* gradient, unsigned number) const {
        const std::int64_t first = std::int64_t{number} * image;
        return {.in = {logits + first * length},
                .out = gradient ? gradient + first * length : nullptr,
                .labels = labels + first,
                .count = image,
                .length = length,
                .channels = classes,
                .wide = wide};
    }
    __device__ unsigned image_number() const { return blockIdx.x / static_cast<unsigned>(parts); }
    __device__ unsigned part() const { return blockIdx.x % static_cast<unsigned>(parts); }
};

/// The softmax of a pixel, in a form that keeps the digits of log q and of 1 - q.
template <class Row>
struct Pixel {
    float e[Row::slots];       ///< exp(logit - maximum)
    float inverse;             ///< 1 / sum of e
    float log_q, q, rest;      ///< of the label's class: log q, q and 1 - q
    float log_total, shifted;  ///< log of the sum of e; sum of weight * (logit - maximum), for label smoothing
    int best;                  ///< the class of the largest logit

    /// Its logits, in e: read before the label is looked at, which is on its way too.
    template <class T>
    __device__ __forceinline__ Pixel(const T* logits, const Problem<T>& problem) {
        load_row<Row>(logits, problem.length, problem.classes, e, -INFINITY);
    }
    /// The rest; `weights` are for label smoothing, `best` is wanted where `counting`.
    __device__ __forceinline__ void normalise(int label, int classes, const float* weights, bool smoothing,
                                              bool counting) {
        const float largest = largest_of<Row>(e);
        best = counting ? channel_of<Row>(largest, e) : 0;
        float own = 0, others = 0, own_shifted = 0;
        shifted = 0;
#pragma unroll
        for (int s = 0; s < Row::slots; ++s) {
            const int c = Row::channel(s);
            const float z = e[s] - largest;
            e[s] = fast_exp(z);
            if (c == label) {
                own = e[s];
                own_shifted = z;
            } else {
                others += e[s];
            }
            if (smoothing && c < classes) shifted = fmaf(weights[c], z, shifted);
        }
        own = Row::sum(own);
        others = Row::sum(others);
        own_shifted = Row::sum(own_shifted);
        if (smoothing) shifted = Row::sum(shifted);
        const float total = own + others;
        log_total = logf(total);
        inverse = 1.0f / total;
        log_q = own_shifted - log_total;
        q = own * inverse;
        rest = others * inverse;
    }
};

/// x^exponent for x >= 0; 0 for x = 0 also where the exponent is negative: what it is multiplied with is 0 there.
__device__ __forceinline__ float power(float x, float exponent) {
    if (exponent == 0) return 1.0f;
    if (exponent == 1) return x;
    if (exponent == 2) return x * x;  // what focal loss mostly has: 100 instructions fewer
    return x > 0 ? powf(x, exponent) : 0.0f;
}

/// Class values in shared memory, 1 where `from` is null.
__device__ __forceinline__ void load_classes(float* to, const float* from, int classes) {
    for (int c = static_cast<int>(threadIdx.x); c < classes; c += row_threads) to[c] = from ? from[c] : 1.0f;
}

/// Values of the partial sums: three a class as in the stats tensor, then cross-entropy, focal loss, the weights and
/// the number of pixels.
constexpr int sums_of(int classes) { return classes * 3 + 4; }

/// partial[value][block] = the block's sums.
template <class Row, class T>
__global__ void __launch_bounds__(row_threads, Row::slots > 12  ? 2
                                               : Row::slots > 8 ? 3
                                                                : 4)
    loss_sums_kernel(Problem<T> problem, double* partial, int* counts) {
    SHARED_MEMORY(weights, float[most_classes]);
    SHARED_MEMORY(alphas, float[most_classes]);
    constexpr int channels = Row::slots * Row::lanes, room = channels * 3 + 4;
    SHARED_MEMORY(warp_totals, float[row_warps][room]);
    PixelCounts pixel_counts(counts, problem.classes, problem.rows(nullptr, 0).shared_bytes());
    const int classes = problem.classes;
    const SegmentationLossParams& p = problem.p;
    load_classes(weights, problem.weights, classes);
    load_classes(alphas, problem.alphas, classes);
    __syncthreads();

    const bool smoothing = p.label_smoothing != 0;
    const auto sharp = static_cast<float>(1 - p.label_smoothing), gamma = static_cast<float>(p.focal_gamma);
    const auto even = static_cast<float>(p.label_smoothing / classes);
    float weight_sum = 0;
    if (smoothing)
        for (int c = 0; c < classes; ++c) weight_sum += weights[c];
    float both[Row::slots] = {}, predicted[Row::slots] = {}, truth[Row::slots] = {}, cross_entropy = 0, focal = 0,
          weight = 0, pixels = 0;
    for_rows<Row>(problem.rows(nullptr, problem.image_number()), problem.part(), static_cast<unsigned>(problem.parts),
                  [&](int label, const T* const(&in)[1], T*) {
                      Pixel<Row> pixel(in[0], problem);
                      if (label == p.ignore_index) return;
                      if (label >= classes) {
                          cross_entropy = NAN;
                          return;
                      }
                      pixel.normalise(label, classes, weights, smoothing, counts);
                      pixel_counts.add<Row>(label, pixel.best);
                      weight += weights[label];
                      pixels += 1;
#pragma unroll
                      for (int s = 0; s < Row::slots; ++s) {
                          predicted[s] = fmaf(pixel.e[s], pixel.inverse, predicted[s]);
                          if (Row::channel(s) == label) {
                              both[s] += pixel.q;
                              truth[s] += 1;
                          }
                      }
                      cross_entropy -= sharp * weights[label] * pixel.log_q;
                      if (smoothing) cross_entropy += even * (pixel.log_total * weight_sum - pixel.shifted);
                      if (p.focal != 0) focal -= alphas[label] * power(pixel.rest, gamma) * pixel.log_q;
                  });

    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const auto keep = [&](float(&sums)[Row::slots], int which) {
        const auto keep_one = [&](int channel, float x) { warp_totals[warp][channel * 3 + which] = x; };
        if constexpr (Row::lanes == 1) {
            warp_sums(sums, keep_one);
        } else {
#pragma unroll
            for (int s = 0; s < Row::slots; ++s) keep_one(Row::channel(s), sums[s]);
        }
    };
    keep(both, 0);
    keep(predicted, 1);
    keep(truth, 2);
    if constexpr (Row::lanes == 1) {
        cross_entropy = warp_sum(cross_entropy);
        focal = warp_sum(focal);
        weight = warp_sum(weight);
        pixels = warp_sum(pixels);
    }
    if (lane == 0) {
        float* const last = warp_totals[warp] + channels * 3;
        last[0] = cross_entropy, last[1] = focal, last[2] = weight, last[3] = pixels;
    }
    __syncthreads();
    pixel_counts.deliver();
    for (int i = static_cast<int>(threadIdx.x); i < sums_of(classes); i += row_threads) {
        const int value = i < classes * 3 ? i : i + (channels - classes) * 3;
        double sum = 0;
        for (int w = 0; w < row_warps; ++w) sum += static_cast<double>(warp_totals[w][value]);
        partial[std::int64_t{i} * gridDim.x + blockIdx.x] = sum;
    }
}

constexpr int finish_threads = 512;

/// Sums that are no functions of the class sums: of cross-entropy and focal loss, of the weights, of the pixels, and of
/// Dice's and Jaccard's terms.
enum LossSum { of_cross_entropy, of_focal, of_weights, of_pixels, of_overlaps, loss_sum_count };

/// stats' class sums, and the first four of `terms`, from the blocks' sums: a warp for each of them.
__device__ __forceinline__ void sum_blocks(const double* partial, int images, int parts, int groups, int classes,
                                           double* stats, double* terms) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    const int class_sums = classes * 3, group_sums = groups * class_sums;
    const int blocks = images * parts, group_blocks = groups == images ? parts : blocks;
    for (int i = thread / 32; i < group_sums + 4; i += finish_threads / 32) {
        const bool of_class = i < group_sums;
        const int group = of_class ? i / class_sums : 0,
                  value = of_class ? i % class_sums : class_sums + i - group_sums;
        const double* const from = partial + std::int64_t{value} * blocks + group * group_blocks;
        double sum = 0;
#pragma unroll 16
        for (int b = lane; b < (of_class ? group_blocks : blocks); b += 32) sum += from[b];
        sum = warp_sum(sum);
        if (lane == 0) (of_class ? stats[i] : terms[i - group_sums]) = sum;
    }
}

/// Dice's and Jaccard's terms of all groups and classes, summed by the first warp.
__device__ __forceinline__ double overlap_terms(const double* stats, int groups, int classes,
                                                const SegmentationLossParams& p) {
    double sum = 0;
    for (int i = static_cast<int>(threadIdx.x); i < groups * classes; i += 32) {
        const Overlap overlap(stats + std::int64_t{i} * 3);
        if (p.dice != 0) sum += p.dice * (1 - overlap.dice(p.smooth));
        if (p.jaccard != 0) sum += p.jaccard * (1 - overlap.jaccard(p.smooth));
    }
    return warp_sum(sum);
}

/// The loss, and what stands behind stats' class sums.
__device__ __forceinline__ void set_loss(const double* terms, double overlaps, int all_groups, int classes,
                                         double* totals, float* loss, const SegmentationLossParams& p) {
    const double weight_total = terms[of_weights], pixels = terms[of_pixels];
    totals[0] = weight_total;
    totals[1] = pixels;
    double total = all_groups > 0 ? overlaps / (all_groups * classes) : 0;
    if (weight_total > 0) total += p.cross_entropy * terms[of_cross_entropy] / weight_total;
    if (pixels > 0) total += p.focal * terms[of_focal] / pixels;
    *loss = static_cast<float>(terms[of_cross_entropy] == terms[of_cross_entropy] ? total : terms[of_cross_entropy]);
}

/// stats and loss from the blocks' sums.
__global__ void __launch_bounds__(finish_threads)
    finish_loss_kernel(const double* partial, int images, int parts, int groups, int classes, double* stats,
                       float* loss, SegmentationLossParams p) {
    SHARED_MEMORY(terms, double[4]);
    sum_blocks(partial, images, parts, groups, classes, stats, terms);
    __syncthreads();
    if (threadIdx.x >= 32) return;
    const double overlaps = overlap_terms(stats, groups, classes, p);
    if (threadIdx.x == 0) set_loss(terms, overlaps, groups, classes, stats + groups * classes * 3, loss, p);
}

/// The same of a share. shared: its class sums, unless a group is an image (`per_image`), and loss_sum_count terms.
__global__ void __launch_bounds__(finish_threads)
    leave_loss_sums_kernel(const double* partial, int images, int parts, int groups, int classes, bool per_image,
                           double* stats, double* shared, SegmentationLossParams p) {
    const int class_sums = per_image ? 0 : groups * classes * 3;
    double* const terms = shared + class_sums;
    sum_blocks(partial, images, parts, groups, classes, per_image ? stats : shared, terms);
    __syncthreads();
    if (threadIdx.x >= 32) return;
    const double overlaps = per_image ? overlap_terms(stats, groups, classes, p) : 0.0;
    if (threadIdx.x == 0) terms[of_overlaps] = overlaps;
}

/// stats and loss from what all shares left.
__global__ void __launch_bounds__(finish_threads)
    shared_loss_kernel(const double* shared, int groups, int all_groups, int classes, bool per_image, double* stats,
                       float* loss, SegmentationLossParams p) {
    const int all = groups * classes * 3, class_sums = per_image ? 0 : all;
    for (int i = static_cast<int>(threadIdx.x); i < class_sums; i += finish_threads) stats[i] = shared[i];
    if (threadIdx.x >= 32) return;
    const double* const terms = shared + class_sums;
    const double overlaps = per_image ? terms[of_overlaps] : overlap_terms(shared, groups, classes, p);
    if (threadIdx.x == 0) set_loss(terms, overlaps, all_groups, classes, stats + all, loss, p);
}

template <class Row, class T>
__global__ void __launch_bounds__(row_threads, 4)
    loss_backward_kernel(Problem<T> problem, const double* stats, const float* grad_loss, T* gradient) {
    SHARED_MEMORY(weights, float[most_classes]);
    SHARED_MEMORY(alphas, float[most_classes]);
    SHARED_MEMORY(both, float[most_classes]);       // d loss / d (sum of q t)
    SHARED_MEMORY(predicted, float[most_classes]);  // d loss / d (sum of q)
    const int classes = problem.classes;
    const SegmentationLossParams& p = problem.p;
    load_classes(weights, problem.weights, classes);
    load_classes(alphas, problem.alphas, classes);
    const int groups = problem.groups;
    const int group = groups == problem.images ? static_cast<int>(problem.image_number()) : 0;
    const auto scale = static_cast<double>(*grad_loss);
    for (int c = static_cast<int>(threadIdx.x); c < classes; c += row_threads) {
        both[c] = predicted[c] = 0;
        if (groups == 0) continue;
        const Overlap o(stats + (std::int64_t{group} * classes + c) * 3);
        double slope_both = 0, slope_predicted = 0;
        if (const double d = o.predicted + o.truth + p.smooth; d > 0) {
            slope_both -= p.dice * 2 / d;
            slope_predicted += p.dice * (2 * o.both + p.smooth) / (d * d);
        }
        if (const double d = o.predicted + o.truth - o.both + p.smooth; d > 0) {
            const double squared = (o.both + p.smooth) / (d * d);
            slope_both -= p.jaccard * (1 / d + squared);
            slope_predicted += p.jaccard * squared;
        }
        const double terms = static_cast<double>(problem.all_groups) * classes;
        both[c] = static_cast<float>(scale * slope_both / terms);
        predicted[c] = static_cast<float>(scale * slope_predicted / terms);
    }
    __syncthreads();

    const double* const totals = stats + std::int64_t{groups} * classes * 3;
    const double per_weight = totals[0] > 0 ? scale * p.cross_entropy / totals[0] : 0;
    const auto per_pixel = static_cast<float>(totals[1] > 0 ? scale * p.focal / totals[1] : 0);
    const auto sharp = static_cast<float>(per_weight * (1 - p.label_smoothing));
    const auto smoothing = static_cast<float>(per_weight * p.label_smoothing / classes);
    const auto gamma = static_cast<float>(p.focal_gamma);
    float even = 0;  // smoothing times the sum of the weights
    if (smoothing != 0)
        for (int c = 0; c < classes; ++c) even = fmaf(smoothing, weights[c], even);
    for_rows<Row>(problem.rows(gradient, problem.image_number()), problem.part(), static_cast<unsigned>(problem.parts),
                  [&](int label, const T* const(&in)[1], T* out) {
                      Pixel<Row> pixel(in[0], problem);
                      if (label == p.ignore_index || label >= classes) {
                          const float zero[Row::slots] = {};
                          store_row<Row>(out, problem.length, classes, zero);
                          return;
                      }
                      pixel.normalise(label, classes, weights, false, false);
                      float dot = 0;  // of q and d loss / d q, for softmax's own backward step
#pragma unroll
                      for (int s = 0; s < Row::slots; ++s) {
                          const int c = Row::channel(s);
                          pixel.e[s] *= pixel.inverse;
                          if (c < classes) dot = fmaf(pixel.e[s], predicted[c], dot);
                      }
                      const float own = both[label] * pixel.q;
                      dot = Row::sum(dot) + own;
                      float focal = 0;  // q * d/dq of -(1 - q)^gamma log q
                      if (per_pixel != 0) {
                          focal = -power(pixel.rest, gamma);
                          if (gamma != 0) focal += gamma * pixel.q * power(pixel.rest, gamma - 1) * pixel.log_q;
                          focal *= alphas[label] * per_pixel;
                      }
                      const float sharp_weight = sharp * weights[label];
                      const float common = sharp_weight + even - focal - dot, target = focal + own - sharp_weight;
#pragma unroll
                      for (int s = 0; s < Row::slots; ++s) {
                          const int c = Row::channel(s);
                          if (c >= classes) continue;
                          float g = pixel.e[s] * (common + predicted[c]);
                          if (smoothing != 0) g = fmaf(-smoothing, weights[c], g);
                          pixel.e[s] = c == label ? g + target : g;
                      }
                      store_row<Row>(out, problem.length, classes, pixel.e);
                  });
}

template <class T>
Problem<T> make_problem(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                        const Tensor& focal_alpha, const Tensor& stats, bool wide, const SegmentationLossParams& p) {
    const auto images = static_cast<int>(logits.dim(0)), length = static_cast<int>(logits.shape().back());
    const int classes = p.classes > 0 ? p.classes : length;
    const std::int64_t image = logits.dim(1) * logits.dim(2);
    const bool images_aligned = images == 1 || image * length % vector_width<T> == 0;
    const auto groups = static_cast<int>(stats.numel() / (classes * 3));
    return {logits.data<T>(),
            labels.data<std::uint8_t>(),
            pointer<float>(class_weights),
            pointer<float>(focal_alpha),
            image,
            images,
            1,
            length,
            classes,
            groups,
            static_cast<int>(groups_of_batch(groups, p.per_image)),
            wide && images_aligned && aligned_to(logits, 16),
            p};
}

/// Shares each image out to blocks; returns how many there are.
template <class T, class... Parameters>
unsigned share_out(Problem<T>& problem, void (*kernel)(Parameters...), std::size_t shared_bytes) {
    constexpr int pixels = 4;  // a thread, at least
    const std::int64_t resident = resident_blocks(kernel, row_threads, shared_bytes) / problem.images;
    problem.parts =
        static_cast<int>(blocks_for(problem.image, row_threads * pixels, std::max<std::int64_t>(1, resident)));
    return static_cast<unsigned>(problem.images * problem.parts);
}

}  // namespace

void GpuBackend::segmentation_loss(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                   const Tensor& focal_alpha, const Tensor& loss, const Tensor& stats,
                                   const Tensor& counts, const SegmentationLossParams& p) {
    const int classes = p.classes > 0 ? p.classes : static_cast<int>(logits.shape().back());
    if (classes > most_classes) fail("segmentation_loss: {} classes, labels tell {} apart", classes, most_classes);
    if (counts && !PixelCounts::fit(classes)) {
        if (p.classes > 0) fail("segmentation_loss: {} classes of {} are too many to count", classes, logits.dim(3));
        const Tensor prediction = Tensor::empty(labels.shape(), Dtype::u8, this_device);
        argmax(logits, prediction);
        confusion_matrix(prediction, labels, counts, p.ignore_index);
        return segmentation_loss(logits, labels, class_weights, focal_alpha, loss, stats, {}, p);
    }
    if (is_cross_entropy_alone(p, stats)) return cross_entropy(logits, labels, class_weights, loss, stats, counts, p);
    dispatch(logits, [&]<class T>(T) {
        auto problem = make_problem<T>(logits, labels, class_weights, focal_alpha, stats, true, p);
        with_row_shape(classes, [&]<class Row>(Row) {
            const auto kernel = loss_sums_kernel<Row, T>;
            const std::size_t shared =
                problem.rows(nullptr, 0).shared_bytes() + PixelCounts::shared_bytes(counts, classes);
            const unsigned blocks = share_out(problem, kernel, shared);
            const Tensor partial = Tensor::empty({std::int64_t{sums_of(classes)} * blocks}, Dtype::f64, this_device);
            launch("segmentation_loss, sums", kernel, {blocks, row_threads, shared}, problem, partial.data<double>(),
                   pointer<int>(counts));
            const BatchShare* const share = batch_share();
            if (!share) {
                launch("segmentation_loss, finish", finish_loss_kernel, {1, finish_threads}, partial.data<double>(),
                       problem.images, problem.parts, problem.groups, classes, stats.data<double>(), loss.data<float>(),
                       p);
                return;
            }
            const bool per_image = p.per_image && problem.groups > 0;
            const Tensor left = Tensor::empty({(per_image ? 0 : problem.groups * classes * 3) + loss_sum_count},
                                              Dtype::f64, this_device);
            launch("segmentation_loss, sums of a share", leave_loss_sums_kernel, {1, finish_threads},
                   partial.data<double>(), problem.images, problem.parts, problem.groups, classes, per_image,
                   stats.data<double>(), left.data<double>(), p);
            share->sum(left);
            launch("segmentation_loss, shared", shared_loss_kernel, {1, finish_threads}, left.data<double>(),
                   problem.groups, problem.all_groups, classes, per_image, stats.data<double>(), loss.data<float>(), p);
        });
    });
}

void GpuBackend::segmentation_loss_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                            const Tensor& focal_alpha, const Tensor& stats, const Tensor& grad_loss,
                                            const Tensor& dlogits, const SegmentationLossParams& p) {
    if (is_cross_entropy_alone(p, stats))
        return cross_entropy_backward(logits, labels, class_weights, stats, grad_loss, dlogits, p);
    dispatch(logits, [&]<class T>(T) {
        auto problem = make_problem<T>(logits, labels, class_weights, focal_alpha, stats, aligned_to(dlogits, 16), p);
        with_row_shape(problem.classes, [&]<class Row>(Row) {
            const auto kernel = loss_backward_kernel<Row, T>;
            const std::size_t shared = problem.rows(nullptr, 0).shared_bytes();
            const unsigned blocks = share_out(problem, kernel, shared);
            launch("segmentation_loss_backward", kernel, {blocks, row_threads, shared}, problem, stats.data<double>(),
                   grad_loss.data<float>(), dlogits.data<T>());
        });
    });
}

}  // namespace camber::CAMBER_GPU
