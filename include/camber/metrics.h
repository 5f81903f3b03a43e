#pragma once
#include <camber/tensor.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace camber {

/// Counts of pixels by true and predicted class, and the metrics that follow from them. Void pixels (truth outside 0 ..
/// classes - 1) are never counted. A metric that is 0 / 0 is NaN (null in JSON, "-" in the table).
class ConfusionMatrix {
  public:
    /// `void_class`: a class that is void, -1: none. Pixels that are it must not be added; what is predicted as it is
    /// wrong, but means over classes leave it out. Throws UsageError unless 1 <= classes <= 255.
    explicit ConfusionMatrix(int classes, int void_class = -1);
    /// One of the same classes, without counts.
    ConfusionMatrix like() const { return ConfusionMatrix(classes_, void_class_); }

    /// Adds counts [C, C] i32 as devices count them, rows truth, on any device. A device's counts overflow
    /// after 2^31 pixels of one kind: add and zero them before (2^31 pixels are 32768 images of 256 x 256).
    void add(const Tensor& counts);
    /// Adds pixel by pixel on the host; for maps at their original size. Throws Error when the sizes differ or a
    /// counted pixel's prediction is not a class.
    void add(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> prediction);
    /// Adds classes * classes counts, rows truth, as counts() gives them: a checkpoint's.
    void add(std::span<const std::int64_t> counts);

    int classes() const { return classes_; }
    const std::vector<std::int64_t>& counts() const { return counts_; }
    std::int64_t count(int truth, int prediction) const {
        return counts_[static_cast<std::size_t>(truth) * static_cast<std::size_t>(classes_) +
                       static_cast<std::size_t>(prediction)];
    }
    std::int64_t total() const;
    std::int64_t truth_pixels(int c) const;      ///< TP + FN
    std::int64_t predicted_pixels(int c) const;  ///< TP + FP

    /// Whether class c is in the truth or was predicted.
    bool occurs(int c) const { return c != void_class_ && (truth_pixels(c) > 0 || predicted_pixels(c) > 0); }

    double iou(int c) const;        ///< TP / (TP + FP + FN); NaN when c is in neither truth nor prediction
    double precision(int c) const;  ///< TP / (TP + FP); NaN when c is never predicted
    double recall(int c) const;     ///< TP / (TP + FN), the class's accuracy; NaN when c is not in the truth
    double f1(int c) const;         ///< 2 TP / (2 TP + FP + FN), the hard Dice; NaN as for iou()

    double pixel_accuracy() const;  ///< correct pixels over counted pixels
    /// Mean of iou() over the classes that occur in truth or prediction: a class absent from both neither helps nor
    /// hurts.
    double mean_iou() const;
    double mean_accuracy() const;  ///< mean of recall() over the classes in the truth ("class average accuracy")
    /// Macro averages over the classes in truth or prediction, with 0 for 0 / 0 (scikit-learn's zero_division=0).
    double macro_precision() const;
    double macro_recall() const;
    double macro_f1() const;

  private:
    int classes_, void_class_;
    std::vector<std::int64_t> counts_;
};

/// A table of the classes (share of the truth, IoU, precision, recall, F1, in percent) with the means below; ends with
/// a newline. `names` has one name per class.
std::string format_table(const ConfusionMatrix& matrix, const std::vector<std::string>& names);

/// {"pixels", "pixel_accuracy", "mean_iou", "mean_accuracy", "precision", "recall", "f1", "classes": [{"name",
/// "pixels", "iou", "precision", "recall", "f1"}], "confusion": [[...]]}.
nlohmann::json metrics_json(const ConfusionMatrix& matrix, const std::vector<std::string>& names);

/// The soft IoU of segmentation_models' `iou_score` (per_image=False, no threshold): mean over classes of (I + smooth)
/// / (P + T - I + smooth), where I, P, T are the batch's sums of p t, p and t. `stats` begins with them, class by
/// class, as SegmentationLoss::stats does when not per image.
double iou_score(std::span<const double> stats, int classes, double smooth = 1e-5);
/// The same from SegmentationLoss::stats (f64, any device; waits for it). With per-image statistics, the mean over the
/// images as per_image=True gives.
double iou_score(const Tensor& stats, int classes, double smooth = 1e-5);

}  // namespace camber
