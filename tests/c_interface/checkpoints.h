#pragma once
#include <camber.h>
#include <camber/checkpoint.h>
#include <camber/train.h>

#include <filesystem>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace camber::testing {

struct SmallNetwork {
    std::uint64_t seed = 1;
    int classes = 5, channels = 3;
    std::string net = "unet";
};

inline TrainConfig small_config(const SmallNetwork& network) {
    TrainConfig config;
    config.net = network.net;
    config.net_options = {{"classes", network.classes}, {"in_channels", network.channels}, {"width", 8}, {"depth", 2}};
    config.height = 32;
    config.width = 48;
    config.seed = network.seed;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    return config;
}

inline ClassTable small_classes(int classes) { return numbered_classes(classes == 1 ? 2 : classes); }

/// A checkpoint of a network as it is before training.
inline std::string write_checkpoint(const std::filesystem::path& file, const SmallNetwork& network = {}) {
    const TrainConfig config = small_config(network);
    const ClassTable classes = small_classes(network.classes);
    const Model model = make_model(config, classes, false);
    Checkpoint checkpoint;
    checkpoint.info.config = to_json(config);
    checkpoint.info.extra["classes"] = nlohmann::json::parse(class_table_json(classes));
    checkpoint.add("model.", model.tensors());
    save_checkpoint(file, checkpoint);
    return file.string();
}

/// Pixels without any order.
inline Image noise(int height, int width, int channels = 3, unsigned state = 1) {
    Image image(height, width, channels);
    for (std::uint8_t& value : image.data)
        value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return image;
}

/// A handle that closes itself.
class Handle {
  public:
    explicit Handle(const std::string& checkpoint, const camber_options* options = nullptr)
        : status(camber_open(checkpoint.c_str(), options, &model)) {}
    ~Handle() { camber_close(model); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    camber_model* model = nullptr;
    camber_status status;
};

inline camber_options options() {
    camber_options options{};
    options.struct_size = sizeof options;
    return options;
}

inline camber_frame frame_of(const Image& image) {
    camber_frame frame{};
    frame.struct_size = sizeof frame;
    frame.pixels = image.data.data();
    frame.height = image.height;
    frame.width = image.width;
    frame.channels = image.channels;
    return frame;
}

/// What a model gives for a frame.
struct Result {
    camber_status status = CAMBER_OK;
    std::vector<std::uint8_t> labels;
    std::vector<float> logits, probabilities;
    bool operator==(const Result&) const = default;
};

inline Result run_all(camber_model* model, const Image& image, int classes) {
    Result result;
    result.labels.resize(image.pixels());
    result.logits.resize(image.pixels() * static_cast<std::size_t>(classes));
    result.probabilities.resize(result.logits.size());
    camber_frame frame = frame_of(image);
    frame.labels = result.labels.data();
    frame.logits = result.logits.data();
    frame.probabilities = result.probabilities.data();
    result.status = camber_run(model, &frame);
    return result;
}

inline Result run_labels(camber_model* model, const Image& image) {
    Result result;
    result.labels.resize(image.pixels());
    camber_frame frame = frame_of(image);
    frame.labels = result.labels.data();
    result.status = camber_run(model, &frame);
    return result;
}

}  // namespace camber::testing
