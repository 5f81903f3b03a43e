#include "train/judgement.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report/frame_pictures.h"

namespace camber {
namespace {

using nlohmann::json;

/// All frames, the worst first.
std::vector<std::size_t> ranked(const EvalResult& result) {
    std::vector<std::size_t> frames(result.frames.size());
    std::iota(frames.begin(), frames.end(), std::size_t{0});
    std::stable_sort(frames.begin(), frames.end(), [&](std::size_t a, std::size_t b) {
        const double x = result.frames[a].mean_iou, y = result.frames[b].mean_iou;
        return std::isnan(y) ? !std::isnan(x) : x < y;
    });
    return frames;
}

json frame_json(const EvalResult& result, const Dataset& dataset, std::size_t frame) {
    const auto number = [](double x) { return std::isnan(x) ? json() : json(x); };
    return {{"name", one_line(dataset.name(frame))},
            {"pixel_accuracy", number(result.frames[frame].pixel_accuracy)},
            {"mean_iou", number(result.frames[frame].mean_iou)}};
}

}  // namespace

std::vector<std::size_t> frames_to_show(const EvalResult& result, const std::vector<std::size_t>& more,
                                        std::size_t worst) {
    std::vector<std::size_t> shown;
    for (const std::size_t frame : ranked(result))
        if (shown.size() < worst || std::find(more.begin(), more.end(), frame) != more.end()) shown.push_back(frame);
    return shown;
}

json scores_json(const EvalResult& result, const std::vector<std::string>& names) {
    json scores = metrics_json(result.confusion, names);
    scores["loss"] = result.loss;
    scores["iou_score"] = result.iou_score;
    return scores;
}

json judgement_json(const EvalResult& result, const Dataset& dataset, const std::vector<std::size_t>& shown,
                    const std::vector<Image>& predictions) {
    json judgement = scores_json(result, dataset.classes().names);
    judgement["frames"] = json::array();
    for (std::size_t i = 0; i < result.frames.size(); ++i)
        judgement["frames"].push_back(frame_json(result, dataset, i));
    const std::vector<std::size_t> order = ranked(result);
    judgement["shown"] = json::array();
    for (std::size_t i = 0; i < shown.size(); ++i) {
        json frame = frame_json(result, dataset, shown[i]);
        frame["rank"] = std::find(order.begin(), order.end(), shown[i]) - order.begin() + 1;
        const auto sample = dataset.sample(shown[i]);
        frame.update(
            report::frame_pictures(sample->image, sample->original_label(), predictions[i], dataset.classes()));
        judgement["shown"].push_back(std::move(frame));
    }
    return judgement;
}

}  // namespace camber
