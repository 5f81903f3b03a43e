#include <camber/checkpoint.h>
#include <camber/import.h>
#include <camber/train.h>

#include "backend/backend.h"
#include "train/class_difference.h"
#include "train/finite.h"
#include "train/loss.h"
#include "train/options.h"
#include "train/parameter_options.h"
#include "train/pretrained.h"

namespace camber {

std::vector<NamedTensor> Model::tensors() const {
    std::vector<NamedTensor> list;
    for (const auto* entries : {&parameters->parameters(), &parameters->buffers()}) {
        for (const auto& entry : *entries) list.push_back({entry.name, entry.tensor()});
    }
    return list;
}

int picture_channels(const nets::Net& net) {
    const int channels = net.in_channels();
    if (!is_picture_channels(channels))
        fail_usage("{} has {} input channels; pictures have 1 (grey), 3 (RGB) or 4 (RGBA)", net.name(), channels);
    return channels;
}

nn::ParameterBufferOptions parameter_options(const Model& model, bool training) {
    // A GPU's kernels read bf16 weights as they lie; the CPU's bring them into orders of their own.
    const bool rounded = model.dtype() == Dtype::bf16 && !is_host(model.device());
    return {.device = model.device(),
            .dtype = Dtype::f32,
            .seed = model.config.seed,
            .gradients = training,
            .rounded = rounded,
            .padded_heads = rounded && model.net->classes() != 1};
}

namespace {

/// What is to be said of a checkpoint's last layer that was for other classes, as many; empty where it was for these.
std::string other_classes(const TrainConfig& config, const ClassTable& classes) {
    if (!WeightFile::open(config.weights)->from_camber()) return {};
    const CheckpointInfo info = CheckpointFile::open(config.weights).info();
    if (!info.extra.contains("classes")) return {};
    const ClassTable learnt = parse_class_table(info.extra.at("classes").dump(), config.weights);
    if (learnt.count() != classes.count() || learnt.names == classes.names) return {};
    const auto differs = std::mismatch(learnt.names.begin(), learnt.names.end(), classes.names.begin());
    return fmt::format("; warning: its last layer goes on from other classes, as {} from {}", *differs.second,
                       *differs.first);
}

}  // namespace

Model make_model(const TrainConfig& config, const ClassTable& classes, bool training, bool pretrained) {
    Model model{config, nullptr, nullptr, classes, {}, {}};
    resolve_device(model.config);
    const Dtype dtype = model.dtype();
    if (dtype != Dtype::f32 && dtype != Dtype::bf16)
        fail_usage("networks train and run in f32 or bf16, not {}", name(dtype));
    // What is missing is named before anything large is built.
    if (const std::string why = backend(model.device()).why_not_in(dtype); !why.empty()) throw UsageError(why);
    model.net = nets::make_net(config.net, config.net_options);
    refuse_classifier(*model.net);
    const bool binary = model.net->classes() == 1;
    if (binary && classes.count() != 2)
        fail_usage("a network of one channel tells two classes apart, but the data has {}", described(classes));
    if (binary && training && (config.loss.dice != 0 || config.loss.jaccard != 0))
        fail_usage(
            "a network of one channel is trained with cross-entropy or focal loss, not with Dice or Jaccard: give it a "
            "channel for each of the two classes");
    if (!binary && model.net->classes() != classes.count()) {
        fail_usage("the network has {} classes, but the data has {}", model.net->classes(), described(classes));
    }
    model.net->train(training);
    if (pretrained && !config.encoder_weights.empty()) {
        model.start = load_encoder_weights(*model.net, config.encoder_weights, config.prefix);
    } else if (pretrained && !config.weights.empty()) {
        model.start = load_network_weights(*model.net, config.weights, config.prefix) + other_classes(config, classes);
    }
    if (training) freeze_encoder(*model.net, config.freeze_encoder, config.freeze_batch_norms);
    model.net->context().seed = config.seed;
    model.parameters = std::make_unique<nn::ParameterBuffer>(*model.net, parameter_options(model, training));
    return model;
}

namespace {

Model read_model(const std::filesystem::path& checkpoint, const std::string& device, const std::string& dtype) {
    const CheckpointInfo info = CheckpointFile::open(checkpoint).info();
    if (!info.extra.contains("classes"))
        fail("{}: this checkpoint does not name its classes; it was not written by camber train", checkpoint.string());
    // A run of several stages is judged as it was when the checkpoint was written.
    TrainConfig config =
        stage_config(train_config(info.config, checkpoint.string()), info.extra.value("stage", std::size_t{0}));
    config.stages = nlohmann::json::array();
    const auto take = [&](const char* option, const std::string& text) {
        if (text.empty()) return false;
        if (const std::string wrong = set_train_option(config, option, text); !wrong.empty())
            fail_usage("the {} {}", option, wrong);
        return true;
    };
    if (!take("device", device) && config.device && !has_backend(*config.device))
        config.device.reset();  // trained on a GPU, used where there is none
    resolve_device(config);
    if (!take("dtype", dtype) && !backend(*config.device).why_not_in(*config.dtype).empty())
        config.dtype = Dtype::f32;  // trained on a newer GPU
    Model model = make_model(config, parse_class_table(info.extra.at("classes").dump(), checkpoint.string()), false);
    load_weights(checkpoint, model.tensors());
    for (const NamedTensor& named : model.tensors())
        refuse_non_finite(named.tensor, fmt::format("{}: {}", checkpoint.string(), named.name));
    model.parameters->mark_changed();
    if (info.extra.contains("class_weights"))
        model.class_weights = weights_tensor(info.extra.at("class_weights"), model.device());
    model.trained_on = info.extra.value("trained_on", nlohmann::json());
    return model;
}

}  // namespace

Model load_model(const std::filesystem::path& checkpoint, const std::string& device, const std::string& dtype) {
    try {
        return read_model(checkpoint, device, dtype);
    } catch (const nlohmann::json::exception&) {
        fail_damaged(checkpoint);
    }
}

}  // namespace camber
