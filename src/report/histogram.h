#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace camber::report {

/// A histogram as TensorBoard's files hold it. Bucket i counts the values from the limit before it up to, but without,
/// limits[i]; the first bucket is empty and gives the lower limit of the second.
struct Histogram {
    double min = 0, max = 0, sum = 0, sum_squares = 0;
    std::int64_t count = 0;
    std::vector<double> limits, counts;  ///< as long as each other; empty without values
};

/// Of every value times `scale`, those that are no number or infinite left out. The buckets are TensorFlow's
/// (tensorflow/core/lib/histogram/histogram.cc), which PyTorch's SummaryWriter has too: limits 0 and +-1e-12 * 1.1^k up
/// to 1e20. Values beyond are in the outermost ones.
Histogram histogram(std::span<const float> values, float scale = 1);

}  // namespace camber::report
