#include <algorithm>
#include <vector>

#include "backend/reference/confusion_matrix.h"
#include "backend/reference/dispatch.h"
#include "backend/reference/log_softmax.h"
#include "backend/reference/reference_backend.h"
#include "backend/shared_sums.h"

namespace camber::reference {
namespace {

/// Sums over the valid pixels of one class: of q * t, of q, of t.
struct Overlap {
    double both, predicted, truth;

    double dice(double smooth) const { return ratio(2 * both + smooth, predicted + truth + smooth); }
    double jaccard(double smooth) const { return ratio(both + smooth, predicted + truth - both + smooth); }

    /// A class that is neither there nor predicted is right, also without smoothing.
    static double ratio(double numerator, double denominator) { return denominator > 0 ? numerator / denominator : 1; }
};

/// d term / d (sum of q * t) and d term / d (sum of q).
struct OverlapGradient {
    double both = 0, predicted = 0;
};

OverlapGradient dice_gradient(const Overlap& s, double smooth) {
    const double denominator = s.predicted + s.truth + smooth;
    if (denominator <= 0) return {};
    return {2 / denominator, -(2 * s.both + smooth) / (denominator * denominator)};
}

OverlapGradient jaccard_gradient(const Overlap& s, double smooth) {
    const double denominator = s.predicted + s.truth - s.both + smooth;
    if (denominator <= 0) return {};
    const double numerator = s.both + smooth;
    return {1 / denominator + numerator / (denominator * denominator), -numerator / (denominator * denominator)};
}

/// The stats tensor: [groups][classes] overlaps (a group is an image or the whole batch, or there is none), then the
/// weight total of cross-entropy and the number of valid pixels.
struct Stats {
    std::int64_t groups, classes, all_groups;
    double* values;

    Stats(const Tensor& stats, std::int64_t class_count, bool per_image)
        : groups(stats.numel() / (class_count * 3)),
          classes(class_count),
          all_groups(groups_of_batch(groups, per_image)),
          values(stats.data<double>()) {}

    double* sums(std::int64_t group, std::int64_t c) const { return values + (group * classes + c) * 3; }
    Overlap overlap(std::int64_t group, std::int64_t c) const {
        const double* s = sums(group, c);
        return {s[0], s[1], s[2]};
    }
    double& weight_total() const { return values[groups * classes * 3]; }
    double& pixels() const { return values[groups * classes * 3 + 1]; }
    std::int64_t size() const { return groups * classes * 3 + 2; }
    /// The mean over groups and classes divides by this.
    double terms() const { return static_cast<double>(all_groups * classes); }
};

/// One weight per class, 1 where the tensor is absent.
template <class A>
std::vector<double> class_values(const Tensor& tensor, std::int64_t classes) {
    std::vector<double> result(static_cast<std::size_t>(classes), 1.0);
    if (tensor) {
        const auto* values = tensor.data<parameter_t<A>>();
        result.assign(values, values + classes);
    }
    return result;
}

/// (1 - q)^gamma of the focal loss, from log q: 1 - q keeps its digits when q is near 1.
double focal_factor(double log_q, double gamma) { return std::pow(-std::expm1(log_q), gamma); }

/// q * d/dq of -(1 - q)^gamma log q.
double focal_slope(double log_q, double gamma) {
    const double rest = -std::expm1(log_q);
    if (rest <= 0) return gamma == 0 ? -1.0 : 0.0;
    return gamma * std::exp(log_q) * std::pow(rest, gamma - 1) * log_q - std::pow(rest, gamma);
}

void check_labels(const std::uint8_t* labels, std::int64_t count, std::int64_t classes, int ignore_index) {
    for (std::int64_t i = 0; i < count; ++i)
        if (labels[i] != ignore_index && labels[i] >= classes)
            fail("segmentation_loss: label {} at pixel {} with {} classes and ignore_index {}", labels[i], i, classes,
                 ignore_index);
}

}  // namespace

void ReferenceBackend::segmentation_loss(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                         const Tensor& focal_alpha, const Tensor& loss, const Tensor& stats,
                                         const Tensor& counts, const SegmentationLossParams& p) {
    with_floating(logits.dtype(), [&]<class A>() {
        using P = parameter_t<A>;
        const std::int64_t channels = logits.shape().back(), classes = p.classes > 0 ? p.classes : channels;
        const std::int64_t pixels = labels.numel();
        const std::int64_t pixels_per_image = logits.dim(1) * logits.dim(2);
        const A* plogits = logits.data<A>();
        const auto* plabels = labels.data<std::uint8_t>();
        check_labels(plabels, pixels, classes, p.ignore_index);
        const auto weights = class_values<A>(class_weights, classes), alpha = class_values<A>(focal_alpha, classes);
        const Stats s(stats, classes, p.per_image);
        std::fill_n(s.values, s.size(), 0.0);

        double cross_entropy = 0, focal = 0;
        std::vector<double> logarithms(static_cast<std::size_t>(classes));
        for (std::int64_t i = 0; i < pixels; ++i) {
            if (plabels[i] == p.ignore_index) continue;
            const std::size_t target = plabels[i];
            const std::int64_t group = p.per_image ? i / pixels_per_image : 0;
            log_softmax(plogits + i * channels, classes, logarithms.data());
            double smoothed = 0;
            for (std::size_t c = 0; c < logarithms.size(); ++c) {
                smoothed -= weights[c] * logarithms[c];
                if (s.groups == 0) continue;
                const double q = std::exp(logarithms[c]);
                double* sums = s.sums(group, static_cast<std::int64_t>(c));
                sums[0] += c == target ? q : 0;
                sums[1] += q;
                sums[2] += c == target ? 1 : 0;
            }
            const double log_q = logarithms[target];
            cross_entropy += (1 - p.label_smoothing) * weights[target] * -log_q +
                             p.label_smoothing / static_cast<double>(classes) * smoothed;
            focal += alpha[target] * focal_factor(log_q, p.focal_gamma) * -log_q;
            s.weight_total() += weights[target];
            s.pixels() += 1;
        }

        share_loss_sums({s.values, static_cast<std::size_t>(s.size())}, p.per_image, cross_entropy, focal);
        double total = 0;
        if (s.weight_total() > 0) total += p.cross_entropy * cross_entropy / s.weight_total();
        if (s.pixels() > 0) total += p.focal * focal / s.pixels();
        const double of_pixels = total;
        for (std::int64_t group = 0; group < s.groups; ++group)
            for (std::int64_t c = 0; c < classes; ++c) {
                const Overlap overlap = s.overlap(group, c);
                total += p.dice * (1 - overlap.dice(p.smooth)) / s.terms();
                total += p.jaccard * (1 - overlap.jaccard(p.smooth)) / s.terms();
            }
        share_image_terms(p.per_image, of_pixels, total);
        *loss.data<P>() = static_cast<P>(total);
    });
    if (!counts) return;
    const Tensor prediction = Tensor::empty(labels.shape(), Dtype::u8, labels.device());
    Tensor of_classes = logits;
    if (const std::int64_t classes = counts.dim(0); classes < logits.dim(3)) {
        of_classes =
            Tensor::empty({logits.dim(0), logits.dim(1), logits.dim(2), classes}, logits.dtype(), logits.device());
        copy_channels(logits, 0, of_classes, 0, classes, {});
    }
    argmax(of_classes, prediction);
    confusion_matrix(prediction, labels, counts, p.ignore_index);
}

void ReferenceBackend::segmentation_loss_backward(const Tensor& logits, const Tensor& labels,
                                                  const Tensor& class_weights, const Tensor& focal_alpha,
                                                  const Tensor& stats, const Tensor& grad_loss, const Tensor& dlogits,
                                                  const SegmentationLossParams& p) {
    with_floating(logits.dtype(), [&]<class A>() {
        const std::int64_t channels = logits.shape().back(), classes = p.classes > 0 ? p.classes : channels;
        const std::int64_t pixels = labels.numel();
        const std::int64_t pixels_per_image = logits.dim(1) * logits.dim(2);
        const A* plogits = logits.data<A>();
        const auto* plabels = labels.data<std::uint8_t>();
        A* out = dlogits.data<A>();
        const auto weights = class_values<A>(class_weights, classes), alpha = class_values<A>(focal_alpha, classes);
        const Stats s(stats, classes, p.per_image);
        const auto grad = static_cast<double>(*grad_loss.data<parameter_t<A>>());

        // d loss / d q_c of a pixel in a group: `both` where c is its label, plus `predicted`.
        std::vector<OverlapGradient> slopes;
        for (std::int64_t group = 0; group < s.groups; ++group)
            for (std::int64_t c = 0; c < classes; ++c) {
                const Overlap overlap = s.overlap(group, c);
                const auto dice = dice_gradient(overlap, p.smooth), jaccard = jaccard_gradient(overlap, p.smooth);
                slopes.push_back({-(p.dice * dice.both + p.jaccard * jaccard.both) / s.terms(),
                                  -(p.dice * dice.predicted + p.jaccard * jaccard.predicted) / s.terms()});
            }
        double weight_sum = 0;
        for (const double weight : weights) weight_sum += weight;
        const double per_weight = s.weight_total() > 0 ? p.cross_entropy / s.weight_total() : 0;
        const double per_pixel = s.pixels() > 0 ? p.focal / s.pixels() : 0;
        const double smoothing = p.label_smoothing / static_cast<double>(classes);

#pragma omp parallel for if (worth_threads(logits.numel()))
        for (std::int64_t i = 0; i < pixels; ++i) {
            A* gradient = out + i * channels;
            std::fill_n(gradient, channels, static_cast<A>(0.0));
            if (plabels[i] == p.ignore_index) continue;
            const std::size_t target = plabels[i];
            const OverlapGradient* slope = slopes.data() + (p.per_image ? i / pixels_per_image : 0) * classes;
            std::vector<double> logarithms(static_cast<std::size_t>(classes));
            log_softmax(plogits + i * channels, classes, logarithms.data());
            const auto overlap_slope = [&](std::size_t c) {
                if (s.groups == 0) return 0.0;
                return slope[c].predicted + (c == target ? slope[c].both : 0.0);
            };
            double dot = 0;  // of q and d loss / d q, for softmax's own backward step
            for (std::size_t c = 0; c < logarithms.size(); ++c) dot += std::exp(logarithms[c]) * overlap_slope(c);
            const double focal = per_pixel * alpha[target] * focal_slope(logarithms[target], p.focal_gamma);
            for (std::size_t c = 0; c < logarithms.size(); ++c) {
                const double q = std::exp(logarithms[c]), t = c == target ? 1 : 0;
                const double cross_entropy =
                    (1 - p.label_smoothing) * weights[target] * (q - t) + smoothing * (weight_sum * q - weights[c]);
                gradient[c] = static_cast<A>(
                    grad * (per_weight * cross_entropy + focal * (t - q) + q * (overlap_slope(c) - dot)));
            }
        }
    });
}

}  // namespace camber::reference
