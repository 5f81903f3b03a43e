#include "report/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace camber::report {
namespace {

/// The limits above 0, as TensorFlow multiplies them.
const std::vector<double>& positive_limits() {
    static const std::vector<double> limits = [] {
        std::vector<double> list;
        for (double limit = 1e-12; limit < 1e20; limit *= 1.1) list.push_back(limit);
        return list;
    }();
    return limits;
}

/// Finds the limits around a number by its exponent and the first bits of its mantissa: between two neighbours of the
/// latter (at most 1/16 apart) lies at most one limit, since these are 1/10 apart.
class Finder {
  public:
    Finder() {
        const std::vector<double>& limits = positive_limits();
        for (std::size_t cell = 0; cell < below_.size(); ++cell) {
            const double least = std::bit_cast<float>(static_cast<std::uint32_t>(cell) << shift);
            const auto next = std::upper_bound(limits.begin(), limits.end(), least);
            below_[cell] = static_cast<std::uint16_t>(next - limits.begin());
            next_[cell] = next == limits.end() ? std::numeric_limits<double>::infinity() : *next;
        }
    }
    /// How many limits are at most `x`, which is not negative and not infinite.
    std::size_t at_most(float x) const {
        const std::uint32_t cell = std::bit_cast<std::uint32_t>(x) >> shift;
        return below_[cell] + static_cast<std::size_t>(next_[cell] <= x);
    }

  private:
    static constexpr int shift = 19;  // leaves 4 bits of the mantissa
    std::array<std::uint16_t, (0x7F800000u >> shift)> below_{};
    std::array<double, (0x7F800000u >> shift)> next_{};
};

}  // namespace

Histogram histogram(std::span<const float> values, float scale) {
    static const Finder finder;
    const std::vector<double>& limits = positive_limits();
    // [i]: magnitudes that i limits are at most of, of either sign. A magnitude that is a limit would be on the wrong
    // side of it where the sign is negative: none is a float.
    std::vector<std::int64_t> positive(limits.size() + 1), negative(limits.size() + 1);
    Histogram result;
    float min = std::numeric_limits<float>::infinity(), max = -min;
    for (const float value : values) {
        const float x = value * scale, magnitude = std::fabs(x);
        if (!(magnitude <= std::numeric_limits<float>::max())) continue;
        const std::size_t i = finder.at_most(magnitude);
        ++(x < 0 ? negative : positive)[i];
        min = std::min(min, x);
        max = std::max(max, x);
        const double exact = x;
        result.sum += exact;
        result.sum_squares += exact * exact;
        ++result.count;
    }
    if (result.count == 0) return result;
    result.min = min;
    result.max = max;
    const std::size_t last = limits.size() - 1;
    positive[last] += positive.back();
    negative[last] += negative.back();
    const auto add = [&](double limit, std::int64_t count) {
        result.limits.push_back(limit);
        result.counts.push_back(static_cast<double>(count));
    };
    add(-limits[last], 0);
    for (std::size_t i = last; i > 0; --i) add(-limits[i - 1], negative[i]);
    add(0, negative[0]);
    for (std::size_t i = 0; i <= last; ++i) add(limits[i], positive[i]);
    // What is empty on both sides is left out, but for a bucket before the first.
    const auto occupied = [](double count) { return count > 0; };
    const auto first = std::find_if(result.counts.begin(), result.counts.end(), occupied) - result.counts.begin();
    const auto end =
        std::find_if(result.counts.rbegin(), result.counts.rend(), occupied).base() - result.counts.begin();
    const auto cut = [&](std::vector<double>& list) { list = {list.begin() + first - 1, list.begin() + end}; };
    cut(result.limits);
    cut(result.counts);
    return result;
}

}  // namespace camber::report
