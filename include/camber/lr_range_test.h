#pragma once
#include <cstdint>
#include <string>
#include <vector>

/// The learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training Neural Networks") as fastai 2 makes
/// it (callback/schedule.py, LRFinder): steps under a rate that grows exponentially, and what the losses suggest.
namespace camber {

struct LrRange {
    double start = 1e-7, end = 10;
    int steps = 100;

    /// Of step 0 and on; `end` would be that of step `steps`.
    double lr(std::int64_t step) const;
};

/// Losses so far, exponentially weighted and without the bias towards 0 of the first ones (fastai's AvgSmoothLoss,
/// beta 0.98).
class SmoothedLoss {
  public:
    /// Returns the average with `loss` in it.
    double add(double loss);

  private:
    double sum_ = 0, weight_ = 0;
};

/// A step of the test.
struct LrPoint {
    double lr = 0;
    double loss = 0;      ///< of its batch
    double smoothed = 0;  ///< SmoothedLoss
};

/// The losses of a test as they come.
class LrCurve {
  public:
    explicit LrCurve(const LrRange& range) : range_(range) {}
    /// Of the next step. Returns whether the test goes on: it ends after range.steps, and where the smoothed loss is
    /// not finite or beyond 4 times its least so far.
    bool add(double loss);
    const LrRange& range() const { return range_; }
    const std::vector<LrPoint>& points() const { return points_; }

  private:
    LrRange range_;
    SmoothedLoss smoothed_;
    double least_ = 0;
    std::vector<LrPoint> points_;
};

/// A rate, and the point of the curve that it stands for.
struct LrSuggestion {
    std::string name;
    std::string what;  ///< a few words
    double lr = 0;
    LrPoint at;
};

/// Of the curve without its first tenth of the steps and its last five: where it falls most steeply, a tenth of where
/// it is least, and in the middle of its longest fall ("valley"), as fastai suggests them. Empty where fewer than two
/// points are left.
std::vector<LrSuggestion> suggested_lrs(const LrCurve& curve);

}  // namespace camber
