#pragma once
#include <camber/data_folder.h>
#include <camber/train.h>

namespace camber {

/// What figures of a run or an evaluation are measured by (docs/reports.md): {"judged_on", "trained_on",
/// "pretraining", "classes", "input_sizes", "tile_overlap", "label_sizes", "more_label_sizes",
/// "test_time_augmentation", "void"}.
/// `judged` is what is judged on, a split of `folder`, or null; `trained_on` as split_json() or null; `inference` as
/// Model::inference.
nlohmann::json protocol_json(const TrainConfig& config, const DataFolder& folder, const Dataset* judged,
                             const ClassTable& classes, const nlohmann::json& trained_on,
                             const InferenceOptions& inference = {});

/// {"data", "layout", "split", "frames", "fingerprint"}.
nlohmann::json split_json(const DataFolder& folder, const std::string& split);

}  // namespace camber
