#include <camber/train.h>

#include "backend/backend.h"

namespace camber {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(AugmentConfig, enabled, scale_min, scale_max, aspect, flip, brightness,
                                                contrast, saturation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Normalisation, mean, std)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SegmentationLossParams, cross_entropy, dice, jaccard, focal,
                                                ignore_index, label_smoothing, smooth, per_image, focal_gamma)

namespace {

/// Calls visit(name, field) for every field that JSON carries as it is.
template <class Config, class Visit>
void visit_fields(Config& c, Visit&& visit) {
    visit("net", c.net);
    visit("net_options", c.net_options);
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
    visit("minutes", c.minutes);
    visit("optimizer", c.optimizer);
    visit("lr", c.lr);
    visit("weight_decay", c.weight_decay);
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
}

TrainConfig published_preset() {
    TrainConfig config;  // the defaults are the published network at the published size
    config.net_options = {{"up_kernel", 3}, {"head_kernel", 3}, {"dropout", 0.1}};
    return config;
}

/// A quarter of the width at CamVid's own aspect: what two CPU cores train to a useful network in minutes.
TrainConfig cpu_preset() {
    TrainConfig config;
    config.net_options = {{"width", 16}, {"dropout", 0.0}, {"style", "pytorch"}};
    config.height = 192;
    config.width = 256;
    config.batch = 4;  // more steps in the same time: worth more here than steadier gradients
    config.lr = 3e-3;
    config.ema = 0.99;
    config.class_weights = "sqrt";
    config.minutes = 8;
    return config;
}

/// The whole network at half of CamVid's size: what a GPU trains to more than 70% mean IoU in minutes.
TrainConfig camvid_gpu_preset() {
    TrainConfig config;
    config.net_options = {{"style", "pytorch"}, {"dropout", 0.1}, {"size_policy", "pad"}};
    config.height = 360;
    config.width = 480;
    config.batch = 12;
    config.lr = 2e-3;
    config.weight_decay = 1e-3;
    config.ema = 0.998;
    config.class_weights = "sqrt";
    config.loss.dice = 0.5;
    config.loss.label_smoothing = 0.05;
    config.minutes = 7.5;
    return config;
}

struct Preset {
    const char* name;
    TrainConfig (*make)();
};
constexpr Preset presets[] = {{"published", published_preset}, {"cpu", cpu_preset}, {"camvid-gpu", camvid_gpu_preset}};

}  // namespace

void resolve_device(TrainConfig& config) {
    if (config.device == "auto") config.device = has_backend(Device::cuda) ? "cuda" : "cpu";
    if (config.dtype == "auto") config.dtype = config.device == "cuda" ? "bf16" : "f32";
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

std::vector<std::string> train_preset_names() {
    std::vector<std::string> names;
    for (const Preset& preset : presets) names.emplace_back(preset.name);
    return names;
}

TrainConfig train_preset(const std::string& name) {
    std::string known;
    for (const Preset& preset : presets) {
        if (name == preset.name) return preset.make();
        known += fmt::format("{}{}", known.empty() ? "" : ", ", preset.name);
    }
    fail_usage("unknown preset '{}': the presets are {}", name, known);
}

}  // namespace camber
