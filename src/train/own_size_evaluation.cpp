#include "train/own_size_evaluation.h"

#include <camber/prediction.h>

#include <chrono>
#include <limits>

#include "train/evaluator.h"
#include "train/loss.h"

namespace camber {
namespace {

/// What is summed up over the rows of a frame.
struct FrameSums {
    std::vector<std::int64_t> counts;
    std::vector<double> stats;
};

FrameSums judge_frame(Model& model, const Dataset& dataset, const Image& picture, const Image& truth) {
    const int classes = model.classes.count(), void_id = dataset.classes().void_id;
    const auto cells = static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes);
    FrameSums sums{std::vector<std::int64_t>(cells), std::vector<double>(static_cast<std::size_t>(classes) * 3 + 2)};
    predict_rows(model, picture, [&](const LogitRows& rows) {
        const std::int64_t height = rows.logits.dim(1), width = rows.logits.dim(2);
        const std::uint8_t* const ids = truth.at(rows.top, 0);
        const std::vector<std::uint8_t> labels(ids, ids + height * width);
        const Tensor logits = rows.logits.to(model.device());
        const ops::SegmentationLoss loss =
            model_loss(model, logits, Tensor::from(labels, {1, height, width}, model.device()), void_id);
        const std::vector<double> stats = loss.stats.to_vector<double>();
        for (std::size_t i = 0; i < sums.stats.size(); ++i) sums.stats[i] += stats[i];
        Image predicted(static_cast<int>(height), static_cast<int>(width), 1);
        labels_of(rows, predicted.data.data());
        const int unjudged_id = unjudged(model.config, void_id);
        for (std::size_t i = 0; i < labels.size(); ++i)
            if (labels[i] != unjudged_id && labels[i] < classes)
                ++sums.counts[static_cast<std::size_t>(labels[i]) * static_cast<std::size_t>(classes) +
                              predicted.data[i]];
    });
    return sums;
}

}  // namespace

EvalResult evaluate_at_own_size(Model& model, const Dataset& dataset, const Progress& progress,
                                const std::atomic<bool>* stop) {
    const auto start = std::chrono::steady_clock::now();
    const int classes = model.classes.count(), unjudged_id = unjudged(model.config, dataset.classes().void_id);
    EvalResult result{ConfusionMatrix(classes, unjudged_id < classes ? unjudged_id : -1),
                      std::numeric_limits<double>::quiet_NaN(), 0, 0};
    std::size_t done = 0;
    for (; done < dataset.size() && !(stop && *stop); ++done) {
        const auto sample = dataset.sample(done);
        const Image& truth = sample->original_label();
        if (truth.height != sample->image.height || truth.width != sample->image.width)
            fail(
                "{}: a picture of {}x{} whose label map has {}x{} cannot be judged at its own size: leave out --tile "
                "and --size own",
                dataset.name(done), sample->image.height, sample->image.width, truth.height, truth.width);
        const FrameSums sums = judge_frame(model, dataset, sample->image, truth);
        ConfusionMatrix frame = result.confusion.like();
        frame.add(sums.counts);
        result.confusion.add(sums.counts);
        result.frames.push_back({frame.pixel_accuracy(), frame.mean_iou()});
        result.iou_score += iou_score(sums.stats, classes);
        if (progress) progress(done + 1, dataset.size());
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (done > 0) result.iou_score /= static_cast<double>(done);
    result.images_per_second = static_cast<double>(done) / seconds.count();
    return result;
}

}  // namespace camber
