#pragma once
#include <camber/train.h>

#include <functional>

namespace camber {

/// The frames that a report shows: the worst by mean IoU, and `more` beside them, all from the worst on; frames that
/// are all void come last.
std::vector<std::size_t> frames_to_show(const EvalResult& result, const std::vector<std::size_t>& more,
                                        std::size_t worst = 6);

/// What `camber eval --json` prints of a result, and metrics.jsonl but for "confusion": metrics_json(), "loss" and
/// "iou_score".
nlohmann::json scores_json(const EvalResult& result, const std::vector<std::string>& names);

/// As best_validation.json has it (docs/reports.md): scores_json(), every frame's figures in the order of the split,
/// and some frames' pictures. `predictions` are of frames `shown` of the dataset.
nlohmann::json judgement_json(const EvalResult& result, const Dataset& dataset, const std::vector<std::size_t>& shown,
                              const std::vector<Image>& predictions);

}  // namespace camber
