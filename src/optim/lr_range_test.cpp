#include <camber/lr_range_test.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace camber {
namespace {

constexpr double beta = 0.98, diverged = 4;
constexpr std::size_t left_out_at_end = 5;

/// Where the slope of the loss over the logarithm of the rate is least (fastai's steep).
std::size_t steepest(std::span<const LrPoint> p) {
    std::size_t best = 0;
    double least = 0;
    for (std::size_t i = 0; i + 1 < p.size(); ++i) {
        const double slope = (p[i + 1].smoothed - p[i].smoothed) / std::log(p[i + 1].lr / p[i].lr);
        if (i == 0 || slope < least) best = i, least = slope;
    }
    return best;
}

std::size_t lowest(std::span<const LrPoint> p) {
    const auto less = [](const LrPoint& a, const LrPoint& b) { return a.smoothed < b.smoothed; };
    return static_cast<std::size_t>(std::min_element(p.begin(), p.end(), less) - p.begin());
}

/// Half-way (a third and half of one) along the longest falling subsequence (fastai's valley, which takes its length
/// for its width).
std::size_t valley(std::span<const LrPoint> p) {
    std::vector<std::size_t> length(p.size(), 1);
    std::size_t end = 0, start = 0;
    for (std::size_t i = 1; i < p.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (p[i].smoothed < p[j].smoothed) length[i] = std::max(length[i], length[j] + 1);
            if (length[end] < length[i]) {
                end = i;
                start = end - std::min(end, length[end]);
            }
        }
    }
    const std::size_t third = (end - start) / 3;
    return start + third + static_cast<std::size_t>(static_cast<double>(end - start) / 6);
}

}  // namespace

double LrRange::lr(std::int64_t step) const { return start * std::pow(end / start, static_cast<double>(step) / steps); }

double SmoothedLoss::add(double loss) {
    sum_ = beta * sum_ + (1 - beta) * loss;
    weight_ = beta * weight_ + (1 - beta);
    return sum_ / weight_;
}

bool LrCurve::add(double loss) {
    const double smoothed = smoothed_.add(loss);
    least_ = points_.empty() ? smoothed : std::min(least_, smoothed);
    points_.push_back({range_.lr(std::ssize(points_)), loss, smoothed});
    return std::ssize(points_) < range_.steps && std::isfinite(smoothed) && smoothed <= diverged * least_;
}

std::vector<LrSuggestion> suggested_lrs(const LrCurve& curve) {
    std::span<const LrPoint> points = curve.points();
    const std::size_t left_out = static_cast<std::size_t>(curve.range().steps / 10);
    if (points.size() < left_out + left_out_at_end + 2) return {};
    points = points.subspan(left_out, points.size() - left_out - left_out_at_end);
    const auto finite =
        std::find_if(points.begin(), points.end(), [](const LrPoint& p) { return std::isnan(p.smoothed); });
    points = points.first(static_cast<std::size_t>(finite - points.begin()));
    if (points.size() < 2) return {};
    const LrPoint &steep = points[steepest(points)], &low = points[lowest(points)], &mid = points[valley(points)];
    return {{"steepest", "where the loss falls most steeply", steep.lr, steep},
            {"minimum/10", "a tenth of where it is least", low.lr / 10, low},
            {"valley", "in the middle of its longest fall", mid.lr, mid}};
}

}  // namespace camber
