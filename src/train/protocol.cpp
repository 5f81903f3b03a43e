#include "train/protocol.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace camber {
namespace {

using nlohmann::json;

json size_json(int height, int width) { return json::array({height, width}); }

/// What the weights were before training; null for random ones.
json pretraining_json(const TrainConfig& config) {
    if (!config.encoder_weights.empty()) return {{"part", "the encoder"}, {"file", config.encoder_weights}};
    if (!config.weights.empty()) return {{"part", "the network"}, {"file", config.weights}};
    return {};
}

/// Of all stages, each once; the tiles'; none where it is each frame's own.
json input_sizes(const TrainConfig& config, const InferenceOptions& inference) {
    if (inference.tile_height > 0) return {size_json(inference.tile_height, inference.tile_width)};
    json sizes = json::array();
    if (inference.own_size) return sizes;
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        const TrainConfig stage = stage_config(config, i);
        const json size =
            stage.val_height > 0 ? size_json(stage.val_height, stage.val_width) : size_json(stage.height, stage.width);
        if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) sizes.push_back(size);
    }
    return sizes;
}

/// The label maps' own sizes, as many as a line has room for.
json label_sizes(const Dataset& dataset, bool& more) {
    constexpr std::size_t most = 3;
    json sizes = json::array();
    more = false;
    for (std::size_t i = 0; i < dataset.size() && !more; ++i) {
        const Extent extent = dataset.original_extent(i);
        const json size = size_json(extent.height, extent.width);
        if (std::find(sizes.begin(), sizes.end(), size) != sizes.end()) continue;
        if (sizes.size() == most)
            more = true;
        else
            sizes.push_back(size);
    }
    return sizes;
}

/// "flip, scales 0.75, 1, 1.25"; null where pictures are judged once, as they are.
json test_time_augmentation(const InferenceOptions& inference) {
    std::vector<std::string> parts;
    if (inference.flip) parts.emplace_back("flip");
    if (inference.scaled()) parts.push_back(fmt::format("scales {}", fmt::join(inference.scales, ", ")));
    return parts.empty() ? json() : json(fmt::format("{}", fmt::join(parts, ", ")));
}

}  // namespace

json split_json(const DataFolder& folder, const std::string& split) {
    return {{"data", one_line(folder.folder().string())},
            {"layout", folder.layout()},
            {"split", split},
            {"frames", folder.samples(split).size()},
            {"fingerprint", folder.fingerprint(split)}};
}

json protocol_json(const TrainConfig& config, const DataFolder& folder, const Dataset* judged,
                   const ClassTable& classes, const json& trained_on, const InferenceOptions& inference) {
    bool more = false;
    const json sizes = judged ? label_sizes(*judged, more) : json::array();
    return {{"judged_on", judged ? split_json(folder, judged->split()) : json()},
            {"trained_on", trained_on},
            {"pretraining", pretraining_json(config)},
            {"classes", {{"table", classes.name}, {"count", classes.count()}}},
            {"input_sizes", input_sizes(config, inference)},
            {"tile_overlap", inference.tile_height > 0 ? json(inference.overlap) : json()},
            {"label_sizes", sizes},
            {"more_label_sizes", more},
            {"test_time_augmentation", test_time_augmentation(inference)},
            {"void",
             {{"name", classes.void_name},
              {"id", classes.void_id},
              {"learnt", config.learn_void},
              {"judged", config.learn_void && config.judge_void}}}};
}

}  // namespace camber
