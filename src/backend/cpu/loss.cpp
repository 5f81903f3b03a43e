#include <atomic>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/histogram.h"
#include "backend/cpu/pixels.h"
#include "backend/shared_sums.h"

/// Softmax, cross-entropy, Dice, Jaccard and focal loss in one pass over the logits each way.
namespace camber::cpu {
namespace {

/// Sums over the valid pixels of one class: of q * t, of q, of t.
struct Overlap {
    double both, predicted, truth;

    double dice(double smooth) const { return ratio(2 * both + smooth, predicted + truth + smooth); }
    double jaccard(double smooth) const { return ratio(both + smooth, predicted + truth - both + smooth); }
    /// A class that is neither there nor predicted is right, also without smoothing.
    static double ratio(double numerator, double denominator) { return denominator > 0 ? numerator / denominator : 1; }
};

/// The stats tensor: [groups][classes] overlaps (a group is an image or the whole batch, or there is none), then
/// cross-entropy's weight total and the number of valid pixels.
struct Stats {
    std::int64_t groups, classes, all_groups;
    double* values;

    Stats(const Tensor& stats, std::int64_t class_count, bool per_image)
        : groups(stats.numel() / (class_count * 3)),
          classes(class_count),
          all_groups(groups_of_batch(groups, per_image)),
          values(stats.data<double>()) {}
    double* sums(std::int64_t group) const { return values + group * classes * 3; }
    Overlap overlap(std::int64_t group, std::int64_t c) const {
        const double* s = sums(group) + c * 3;
        return {s[0], s[1], s[2]};
    }
    double& weight_total() const { return sums(groups)[0]; }
    double& pixels() const { return sums(groups)[1]; }
    double terms() const { return static_cast<double>(all_groups * classes); }
};

/// x^exponent for x >= 0; 0 for x too small to tell from it.
CAMBER_VEC Vec power(Vec x, float exponent) {
    if (exponent == 0) return splat(1);
    return x < std::numeric_limits<float>::min() ? Vec{} : exp(log(x) * exponent);
}

/// Labels and logits of sixteen pixels, and what every term of the loss needs of their softmax q.
struct Pixels {
    IntVec label;                   // -1: void or beyond the end
    Vec inverse;                    // 1 / sum of the exponentials, which replace the logits in planes
    Vec log_total, log_q, q, rest;  // of the true class: log q, q and 1 - q
    Vec weight, alpha;
    Vec smoothed;  // sum over classes of weight * -log q; 0 where `smoothing` is false
    IntVec best;   // class of the largest logit, where it is asked for
};

/// Per-class values as floats, 1 where the tensor is absent.
struct ClassValues {
    float values[256];
    double total = 0;

    ClassValues(const Tensor& tensor, std::int64_t classes) {
        for (std::int64_t c = 0; c < classes; ++c) total += values[c] = tensor ? tensor.data<float>()[c] : 1.f;
    }
};

/// Everything the two passes share.
template <class T>
struct Problem {
    const T* logits;
    const std::uint8_t* labels;
    std::int64_t channels, classes;  ///< of a pixel; of them in use
    ClassValues weights, alphas;
    int ignore_index;
    bool smoothing;
    std::atomic<int> bad_label{-1};

    Problem(const Tensor& x, const Tensor& truth, const Tensor& class_weights, const Tensor& focal_alpha,
            const SegmentationLossParams& p)
        : logits(x.data<T>()),
          labels(truth.data<std::uint8_t>()),
          channels(x.shape().back()),
          classes(p.classes > 0 ? p.classes : channels),
          weights(class_weights, classes),
          alphas(focal_alpha, classes),
          ignore_index(p.ignore_index),
          smoothing(p.label_smoothing != 0) {}

    CAMBER_VEC Pixels read(std::int64_t first, int count, float* planes, bool with_best = false) {
        Pixels s{};
        for (int i = 0; i < lanes; ++i) {
            const int label = i < count ? labels[first + i] : ignore_index;
            s.label[i] = i < count && label != ignore_index && label < classes ? label : -1;
            if (i < count && label != ignore_index && label >= classes) bad_label = label;
        }
        load_pixels(logits + first * channels, channels, classes, count, planes);
        const Vec maximum = maximum_of(planes, classes);
        if (with_best) s.best = position_of_maximum(planes, classes);
        Vec others{}, own{}, shifted{};
        for (std::int64_t c = 0; c < classes; ++c) {
            const IntVec is_label = s.label == static_cast<std::int32_t>(c);
            const Vec z = load(planes + c * lanes) - maximum, e = exp(z);
            store(planes + c * lanes, e);
            own = select(is_label, e, own);
            others += select(is_label, Vec{}, e);
            s.log_q = select(is_label, z, s.log_q);
            s.weight = select(is_label, splat(weights.values[c]), s.weight);
            s.alpha = select(is_label, splat(alphas.values[c]), s.alpha);
            if (smoothing) shifted = fma(splat(weights.values[c]), z, shifted);
        }
        const Vec total = own + others;
        s.inverse = 1.f / total;
        s.log_total = log(total);
        s.log_q -= s.log_total;
        s.q = own * s.inverse;
        s.rest = others * s.inverse;
        if (smoothing) s.smoothed = s.log_total * static_cast<float>(weights.total) - shifted;
        return s;
    }

    void check() const {
        if (bad_label >= 0)
            fail("segmentation_loss: label {} with {} classes and ignore_index {}", bad_label.load(), classes,
                 ignore_index);
    }
};

}  // namespace

void CpuBackend::segmentation_loss(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                   const Tensor& focal_alpha, const Tensor& loss, const Tensor& stats,
                                   const Tensor& counts, const SegmentationLossParams& p) {
    with_activation("segmentation_loss", logits.dtype(), [&]<class T>(T) {
        Problem<T> problem(logits, labels, class_weights, focal_alpha, p);
        const Stats s(stats, problem.classes, p.per_image);
        const bool overlaps = s.groups > 0;
        const std::int64_t classes = problem.classes, images = logits.dim(0), image = logits.dim(1) * logits.dim(2);
        // Chunks of an image do not depend on the number of threads, so neither does the order of summation.
        const std::int64_t parts = std::clamp<std::int64_t>(image / 4096, 1, 16), chunks = images * parts;
        const std::int64_t totals = classes * 3 + 4, floats = classes * lanes;
        const Scratch scratch(static_cast<std::size_t>(chunks * totals) * sizeof(double));
        const Scratch buffers(static_cast<std::size_t>(omp_get_max_threads() * 2 * floats) * sizeof(float));
        double* partial = scratch.as<double>();
        const auto smoothing = static_cast<float>(p.label_smoothing / static_cast<double>(classes));
        const auto sharp = static_cast<float>(1 - p.label_smoothing), gamma = static_cast<float>(p.focal_gamma);
        Histogram histogram(counts);
        parallel_for(chunks, image / parts * classes * 4, [&](std::int64_t chunk) {
            double *sums = partial + chunk * totals, *scalars = sums + classes * 3;
            std::fill_n(sums, totals, 0.0);
            float *planes = buffers.as<float>() + omp_get_thread_num() * 2 * floats, *predicted = planes + floats;
            const std::int64_t base = chunk / parts * image, part = chunk % parts;
            const std::int64_t end = base + image * (part + 1) / parts;
            constexpr std::int64_t block = 64 * lanes;  // pixels summed in f32 before they are added in f64
            for (std::int64_t begin = base + image * part / parts; begin < end; begin += block) {
                std::fill_n(predicted, floats, 0.f);
                Vec cross_entropy{}, focal{}, weight{};
                IntVec pixels{};
                for (std::int64_t i = begin; i < std::min(end, begin + block); i += lanes) {
                    const Pixels s = problem.read(i, static_cast<int>(std::min<std::int64_t>(lanes, end - i)), planes,
                                                  histogram.wanted());
                    const IntVec valid = s.label >= 0;
                    if (histogram.wanted()) histogram.add(s.label, s.best);
                    const Vec ce = s.weight * -s.log_q * sharp + s.smoothed * smoothing;
                    cross_entropy += select(valid, ce, Vec{});
                    if (p.focal != 0) focal += select(valid, s.alpha * power(s.rest, gamma) * -s.log_q, Vec{});
                    weight += s.weight;
                    pixels -= valid;
                    if (!overlaps) continue;
                    const Vec inverse = select(valid, s.inverse, Vec{});
                    for (std::int64_t c = 0; c < classes; ++c) {
                        float* sum = predicted + c * lanes;
                        // A void pixel must not count even where its logits are not finite.
                        store(sum, select(valid, fma(load(planes + c * lanes), inverse, load(sum)), load(sum)));
                    }
                    for (int k = 0; k < lanes; ++k) {
                        if (s.label[k] < 0) continue;
                        sums[s.label[k] * 3] += static_cast<double>(s.q[k]);
                        sums[s.label[k] * 3 + 2] += 1;
                    }
                }
                if (overlaps)
                    for (std::int64_t c = 0; c < classes; ++c)
                        sums[c * 3 + 1] += static_cast<double>(lane_sum(load(predicted + c * lanes)));
                for (int k = 0; k < lanes; ++k) scalars[3] += pixels[k];
                scalars[0] += static_cast<double>(lane_sum(weight));
                scalars[1] += static_cast<double>(lane_sum(cross_entropy));
                scalars[2] += static_cast<double>(lane_sum(focal));
            }
        });
        problem.check();
        histogram.deliver();

        std::fill_n(s.values, stats.numel(), 0.0);
        double cross_entropy = 0, focal = 0;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
            const double* from = partial + chunk * totals;
            double* to = s.sums(overlaps && p.per_image ? chunk / parts : 0);
            for (std::int64_t i = 0; overlaps && i < classes * 3; ++i) to[i] += from[i];
            s.weight_total() += from[classes * 3];
            cross_entropy += from[classes * 3 + 1];
            focal += from[classes * 3 + 2];
            s.pixels() += from[classes * 3 + 3];
        }
        share_loss_sums({s.values, static_cast<std::size_t>(stats.numel())}, p.per_image, cross_entropy, focal);
        double total = 0;
        if (s.weight_total() > 0) total += p.cross_entropy * cross_entropy / s.weight_total();
        if (s.pixels() > 0) total += p.focal * focal / s.pixels();
        const double of_pixels = total;
        for (std::int64_t group = 0; group < s.groups; ++group)
            for (std::int64_t c = 0; c < classes; ++c) {
                const Overlap overlap = s.overlap(group, c);
                if (p.dice != 0) total += p.dice * (1 - overlap.dice(p.smooth)) / s.terms();
                if (p.jaccard != 0) total += p.jaccard * (1 - overlap.jaccard(p.smooth)) / s.terms();
            }
        share_image_terms(p.per_image, of_pixels, total);
        *loss.data<float>() = static_cast<float>(total);
    });
}

void CpuBackend::segmentation_loss_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                            const Tensor& focal_alpha, const Tensor& stats, const Tensor& grad_loss,
                                            const Tensor& dlogits, const SegmentationLossParams& p) {
    with_activation("segmentation_loss_backward", logits.dtype(), [&]<class T>(T) {
        Problem<T> problem(logits, labels, class_weights, focal_alpha, p);
        const std::int64_t classes = problem.classes, image = logits.dim(1) * logits.dim(2);
        const Stats s(stats, problem.classes, p.per_image);
        const auto grad = static_cast<double>(*grad_loss.data<float>());

        // Of every group and class: d loss / d (sum of q * t), then d loss / d (sum of q).
        const std::int64_t slope_count = std::max<std::int64_t>(1, s.groups) * classes * 2;
        const Scratch scratch(static_cast<std::size_t>(slope_count) * sizeof(float));
        float* slopes = scratch.as<float>();
        std::fill_n(slopes, slope_count, 0.f);
        for (std::int64_t group = 0; group < s.groups; ++group)
            for (std::int64_t c = 0; c < classes; ++c) {
                const Overlap o = s.overlap(group, c);
                double both = 0, predicted = 0;
                if (const double d = o.predicted + o.truth + p.smooth; d > 0) {
                    both -= p.dice * 2 / d;
                    predicted += p.dice * (2 * o.both + p.smooth) / (d * d);
                }
                if (const double d = o.predicted + o.truth - o.both + p.smooth; d > 0) {
                    const double squared = (o.both + p.smooth) / (d * d);
                    both -= p.jaccard * (1 / d + squared);
                    predicted += p.jaccard * squared;
                }
                slopes[group * 2 * classes + c] = static_cast<float>(grad * both / s.terms());
                slopes[(group * 2 + 1) * classes + c] = static_cast<float>(grad * predicted / s.terms());
            }
        const double per_weight = s.weight_total() > 0 ? grad * p.cross_entropy / s.weight_total() : 0;
        const auto per_pixel = static_cast<float>(s.pixels() > 0 ? grad * p.focal / s.pixels() : 0);
        const auto sharp = static_cast<float>(per_weight * (1 - p.label_smoothing));
        const auto smoothing = static_cast<float>(per_weight * p.label_smoothing / static_cast<double>(classes));
        const auto even = static_cast<float>(static_cast<double>(smoothing) * problem.weights.total);
        const auto gamma = static_cast<float>(p.focal_gamma);

        const bool per_image = p.per_image && s.groups > 0;
        T* out = dlogits.data<T>();
        parallel_pixels(labels.numel(), classes, classes * lanes, [&](std::int64_t i, int count, float* planes) {
            // A group of pixels may straddle two images, whose slopes differ; then each image's own pixels are done
            // alone.
            for (int begin = 0; begin < count;) {
                const std::int64_t first = i + begin, n = first / image;
                const int here = per_image
                                     ? static_cast<int>(std::min<std::int64_t>(count - begin, (n + 1) * image - first))
                                     : count - begin;
                begin += here;
                const float *both = slopes + (per_image ? n : 0) * 2 * classes, *predicted = both + classes;
                const Pixels pixel = problem.read(first, here, planes);
                const IntVec valid = pixel.label >= 0;
                Vec dot{}, own{};  // of q and d loss / d q, for softmax's own backward step
                for (std::int64_t c = 0; c < classes; ++c) {
                    dot = fma(load(planes + c * lanes), splat(predicted[c]), dot);
                    own = select(pixel.label == static_cast<std::int32_t>(c), splat(both[c]), own);
                }
                own *= pixel.q;
                dot = fma(dot, pixel.inverse, own);
                Vec focal{};
                if (per_pixel != 0) {
                    // q * d/dq of -(1 - q)^gamma log q
                    focal = -power(pixel.rest, gamma);
                    if (gamma != 0) focal += gamma * pixel.q * power(pixel.rest, gamma - 1) * pixel.log_q;
                    focal *= pixel.alpha * per_pixel;
                }
                const Vec common = pixel.weight * sharp + even - focal - dot;
                const Vec target = focal + own - pixel.weight * sharp;
                for (std::int64_t c = 0; c < classes; ++c) {
                    const Vec q = load(planes + c * lanes) * pixel.inverse;
                    Vec g = fma(q, common + predicted[c], splat(-smoothing * problem.weights.values[c]));
                    g += select(pixel.label == static_cast<std::int32_t>(c), target, Vec{});
                    store(planes + c * lanes, select(valid, g, Vec{}));
                }
                store_pixels(out + first * problem.channels, problem.channels, classes, here, planes);
            }
        });
        problem.check();
    });
}

}  // namespace camber::cpu
