#include <camber/metrics.h>

#include <limits>

namespace camber {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
    return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                      : static_cast<double>(part) / static_cast<double>(whole);
}

/// Mean of metric(c) over the classes that `counts(c)`; NaN without any. A metric that is NaN counts as 0.
template <class Counts, class Metric>
double mean_over(int classes, Counts counts, Metric metric) {
    double sum = 0;
    int n = 0;
    for (int c = 0; c < classes; ++c) {
        if (!counts(c)) continue;
        const double value = metric(c);
        sum += value == value ? value : 0;
        ++n;
    }
    return n == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / n;
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int classes, int void_class) : classes_(classes), void_class_(void_class) {
    if (classes < 1 || classes > 255) fail_usage("a confusion matrix has 1 to 255 classes, not {}", classes);
    counts_.resize(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes));
}

void ConfusionMatrix::add(const Tensor& counts) {
    if (counts.shape() != Shape{classes_, classes_}) {
        fail("confusion matrix: counts of shape {} cannot be added to {} classes", counts.shape().str(), classes_);
    }
    const std::vector<std::int32_t> values = counts.to_vector<std::int32_t>();
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        if (values[i] < 0) fail("confusion matrix: the device's counts have overflowed; add them more often");
        counts_[i] += values[i];
    }
}

void ConfusionMatrix::add(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> prediction) {
    if (truth.size() != prediction.size()) {
        fail("confusion matrix: a truth of {} pixels and a prediction of {}", truth.size(), prediction.size());
    }
    // Summed apart, so that a bad prediction leaves the counts as they were.
    std::vector<std::int64_t> sums(counts_.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (truth[i] >= classes_) continue;
        if (prediction[i] >= classes_) {
            fail("confusion matrix: class {} was predicted, but there are {} classes", prediction[i], classes_);
        }
        ++sums[static_cast<std::size_t>(truth[i]) * static_cast<std::size_t>(classes_) + prediction[i]];
    }
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += sums[i];
}

void ConfusionMatrix::add(std::span<const std::int64_t> counts) {
    if (counts.size() != counts_.size()) {
        fail("a confusion matrix of {} classes cannot take {} counts", classes_, counts.size());
    }
    for (std::size_t i = 0; i < counts.size(); ++i) counts_[i] += counts[i];
}

std::int64_t ConfusionMatrix::total() const {
    std::int64_t sum = 0;
    for (const std::int64_t n : counts_) sum += n;
    return sum;
}

std::int64_t ConfusionMatrix::truth_pixels(int c) const {
    std::int64_t sum = 0;
    for (int p = 0; p < classes_; ++p) sum += count(c, p);
    return sum;
}

std::int64_t ConfusionMatrix::predicted_pixels(int c) const {
    std::int64_t sum = 0;
    for (int t = 0; t < classes_; ++t) sum += count(t, c);
    return sum;
}

double ConfusionMatrix::iou(int c) const {
    return ratio(count(c, c), truth_pixels(c) + predicted_pixels(c) - count(c, c));
}
double ConfusionMatrix::precision(int c) const { return ratio(count(c, c), predicted_pixels(c)); }
double ConfusionMatrix::recall(int c) const { return ratio(count(c, c), truth_pixels(c)); }
double ConfusionMatrix::f1(int c) const { return ratio(2 * count(c, c), truth_pixels(c) + predicted_pixels(c)); }

double ConfusionMatrix::pixel_accuracy() const {
    std::int64_t correct = 0;
    for (int c = 0; c < classes_; ++c) correct += count(c, c);
    return ratio(correct, total());
}

double ConfusionMatrix::mean_accuracy() const {
    return mean_over(
        classes_, [&](int c) { return truth_pixels(c) > 0; }, [&](int c) { return recall(c); });
}

double ConfusionMatrix::mean_iou() const {
    return mean_over(
        classes_, [&](int c) { return occurs(c); }, [&](int c) { return iou(c); });
}
double ConfusionMatrix::macro_precision() const {
    return mean_over(
        classes_, [&](int c) { return occurs(c); }, [&](int c) { return precision(c); });
}
double ConfusionMatrix::macro_recall() const {
    return mean_over(
        classes_, [&](int c) { return occurs(c); }, [&](int c) { return recall(c); });
}
double ConfusionMatrix::macro_f1() const {
    return mean_over(
        classes_, [&](int c) { return occurs(c); }, [&](int c) { return f1(c); });
}

}  // namespace camber
