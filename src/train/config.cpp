#include <camber/train.h>

#include <algorithm>

#include "backend/backend.h"

namespace camber {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(AugmentConfig, enabled, scale_min, scale_max, aspect, flip,
                                                flip_vertical, emboss, edges, sharpen, brightness, contrast, saturation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Normalisation, mean, std)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SegmentationLossParams, cross_entropy, dice, jaccard, focal,
                                                ignore_index, label_smoothing, smooth, per_image, focal_gamma)

namespace {

/// Calls visit(name, field) for every field that JSON carries as it is.
template <class Config, class Visit>
void visit_fields(Config& c, Visit&& visit) {
    visit("net", c.net);
    visit("net_options", c.net_options);
    visit("weights", c.weights);
    visit("encoder_weights", c.encoder_weights);
    visit("freeze_encoder", c.freeze_encoder);
    visit("freeze_batch_norms", c.freeze_batch_norms);
    visit("data", c.data);
    visit("height", c.height);
    visit("width", c.width);
    visit("batch", c.batch);
    visit("accumulate", c.accumulate);
    visit("augment", c.augment);
    visit("normalisation", c.normalisation);
    visit("device", c.device);
    visit("dtype", c.dtype);
    visit("seed", c.seed);
    visit("threads", c.threads);
    visit("epochs", c.epochs);
    visit("epoch_batches", c.epoch_batches);
    visit("minutes", c.minutes);
    visit("optimizer", c.optimizer);
    visit("lr", c.lr);
    visit("weight_decay", c.weight_decay);
    visit("encoder_lr", c.encoder_lr);
    visit("beta2", c.beta2);
    visit("momentum", c.momentum);
    visit("nesterov", c.nesterov);
    visit("clip", c.clip);
    visit("ema", c.ema);
    visit("loss", c.loss);
    visit("class_weights", c.class_weights);
    visit("monitor", c.monitor);
    visit("stop_at", c.stop_at);
    visit("patience", c.patience);
    visit("checkpoint_minutes", c.checkpoint_minutes);
    visit("pictures", c.pictures);
    visit("stages", c.stages);
}

}  // namespace

void resolve_device(TrainConfig& config) {
    if (config.device == "auto") config.device = has_backend(Device::cuda) ? "cuda" : "cpu";
    if (config.dtype == "auto")
        config.dtype =
            config.device == "cuda" && backend(Device::cuda).why_not_in(Dtype::bf16).empty() ? "bf16" : "f32";
}

nlohmann::json to_json(const TrainConfig& config) {
    nlohmann::json json;
    visit_fields(config, [&](const char* name, const auto& field) { json[name] = field; });
    json["schedule"] = schedule_to_json(config.schedule);
    return json;
}

TrainConfig train_config(const nlohmann::json& json) {
    TrainConfig config;
    try {
        visit_fields(config, [&](const char* name, auto& field) {
            if (json.contains(name)) json.at(name).get_to(field);
        });
    } catch (const nlohmann::json::exception& error) {
        fail("the run's configuration cannot be read: {}", error.what());
    }
    if (json.contains("schedule")) config.schedule = schedule_from_json(json.at("schedule"));
    return config;
}

const std::vector<std::string>& stage_fields() {
    static const std::vector<std::string> fields = {
        "epochs", "epoch_batches", "height", "width",        "batch",    "accumulate",     "augment",
        "lr",     "encoder_lr",    "clip",   "weight_decay", "schedule", "freeze_encoder", "freeze_batch_norms"};
    return fields;
}

std::size_t stage_count(const TrainConfig& config) { return std::max<std::size_t>(1, config.stages.size()); }

TrainConfig stage_config(const TrainConfig& config, std::size_t stage) {
    if (config.stages.empty()) return config;
    nlohmann::json json = to_json(config);
    for (const auto& [name, value] : config.stages.at(stage).items()) {
        const auto& known = stage_fields();
        if (std::find(known.begin(), known.end(), name) == known.end())
            fail("stage {} of the run has '{}': a stage can have {}", stage + 1, name, fmt::join(known, ", "));
        json[name] = value;
    }
    return train_config(json);
}

}  // namespace camber
