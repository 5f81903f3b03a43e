// Runs of several stages, and the presets.
#include <camber/autograd.h>
#include <camber/checkpoint.h>
#include <camber/synth.h>
#include <camber/train.h>
#include <doctest/doctest.h>

#include <cstring>
#include <fstream>

#include "support/errors.h"
#include "support/files.h"
#include "train/parameter_groups.h"

using namespace camber;
namespace fs = std::filesystem;

namespace {

/// The rate's multiplier of the group that a parameter is in.
double multiplier(const ParameterGroups& groups, const std::string& name) {
    for (const ParameterRange& range : groups.ranges)
        if (range.name == name) return groups.groups[static_cast<std::size_t>(range.group)].lr_multiplier;
    FAIL("there is no parameter " << name);
    return 0;
}

Model narrow_model(const std::string& net, std::vector<double> encoder_lr) {
    TrainConfig config;
    config.net = net;
    config.net_options = {{"classes", camvid11().count()}, {"width", 4}};
    config.encoder_lr = std::move(encoder_lr);
    config.device = Device::cpu;
    return make_model(config, camvid11(), true);
}

/// Two stages of one epoch each of 3 and 4 batches: the second larger, and with everything learning.
TrainConfig staged(const fs::path& data) {
    TrainConfig config;
    config.net = "smp-unet-resnet34";
    config.net_options = {{"width", 4}};
    config.data = data.string();
    config.device = Device::cpu;
    config.pictures = 0;
    config.ema = 0.9;
    config.stages = {{{"epochs", 1},
                      {"height", 32},
                      {"width", 32},
                      {"batch", 2},
                      {"epoch_batches", 3},
                      {"lr", 1e-2},
                      {"freeze_encoder", true},
                      {"freeze_batch_norms", true}},
                     {{"epochs", 1},
                      {"height", 32},
                      {"width", 64},
                      {"batch", 2},
                      {"encoder_lr", {0.1}},
                      {"schedule", {{"kind", "one_cycle"}, {"max_momentum", 0.95}, {"base_momentum", 0.85}}}}};
    return config;
}

/// Stops after some steps, and keeps what it was told.
struct Observer : TrainObserver {
    explicit Observer(int stop_after = -1) : steps_left(stop_after) {}
    void on_step(const StepReport& report) override {
        CHECK(report.epochs == 2);
        if (--steps_left == 0) stop = true;
    }
    void on_message(const std::string& message) override { messages += message + "\n"; }
    int steps_left;
    std::atomic<bool> stop = false;
    std::string messages;
};

struct Files {
    testing::TemporaryFolder folder;
    std::string weights = (folder / "start.safetensors").string();
    fs::path data = folder / "data";
    Files() {
        write_synthetic_dataset(data, {.train_count = 8, .val_count = 2, .height = 48, .width = 64, .seed = 5});
        TrainConfig config = staged(data);
        config.net_options["classes"] = camvid11().count();
        Model model = make_model(config, camvid11(), false);
        Checkpoint checkpoint;
        checkpoint.info.config = to_json(config);
        checkpoint.add("model.", model.tensors());
        save_checkpoint(weights, checkpoint);
    }
    TrainConfig config() const {
        TrainConfig config = staged(data);
        config.weights = weights;
        return config;
    }
    std::string bytes_of(const char* run, const std::string& tensor) const {
        const Tensor t = SafetensorsFile::open(folder / run / "last.safetensors").read(tensor);
        return {static_cast<const char*>(t.raw()), t.bytes()};
    }
};

}  // namespace

TEST_CASE("a stage replaces fields of the run's configuration, and nothing that a stage cannot have") {
    TrainConfig config = staged("x");
    CHECK(stage_count(config) == 2);
    CHECK(stage_config(config, 0).freeze_encoder);
    CHECK(stage_config(config, 1).width == 64);
    CHECK(stage_config(config, 1).ema == 0.9);
    CHECK_FALSE(stage_config(config, 1).freeze_encoder);
    CHECK(stage_count(TrainConfig()) == 1);
    config.stages[1]["optimiser"] = "sgd";
    CHECK(testing::mentions(testing::error_of([&] { stage_config(config, 1); }),
                            {"stage 2 of the run has 'optimiser'", "height, width, val_height, val_width, batch",
                             "epochs, epoch_batches"}));
}

TEST_CASE("the encoder's stages learn at their own rates, biases and batch norms without decay") {
    const ParameterGroups fastai = parameter_groups(narrow_model("dynamic-unet-resnet34", {0.01, 0.1}));
    CHECK(multiplier(fastai, "layers.0.0.weight") == 0.01);  // the first convolution
    CHECK(multiplier(fastai, "layers.0.5.0.conv1.weight") == 0.01);
    CHECK(multiplier(fastai, "layers.0.6.0.conv1.weight") == 0.1);
    CHECK(multiplier(fastai, "layers.0.7.2.bn2.bias") == 0.1);
    CHECK(multiplier(fastai, "layers.1.weight") == 1);
    CHECK(multiplier(fastai, "layers.11.0.weight") == 1);

    const ParameterGroups deeplab = parameter_groups(narrow_model("deeplabv3-resnet50", {0.5}));
    CHECK(multiplier(deeplab, "backbone.conv1.weight") == 0.5);
    CHECK(multiplier(deeplab, "backbone.layer4.2.conv3.weight") == 0.5);
    CHECK(multiplier(deeplab, "classifier.4.weight") == 1);
    for (const ParameterRange& range : deeplab.ranges) {
        const ParameterGroup& group = deeplab.groups[static_cast<std::size_t>(range.group)];
        CHECK((group.weight_decay > 0) == (range.shape.rank() > 1));
    }
    // torchvision's recipe: all of it decays, and the auxiliary head learns faster.
    Model aux = narrow_model("deeplabv3-resnet50", {});
    aux.config.aux_lr = 10;
    aux.config.decay_all = true;
    const ParameterGroups torchvision = parameter_groups(aux);
    CHECK(multiplier(torchvision, "aux_classifier.0.weight") == 10);
    CHECK(multiplier(torchvision, "aux_classifier.1.bias") == 10);
    CHECK(multiplier(torchvision, "classifier.4.weight") == 1);
    CHECK(multiplier(torchvision, "backbone.conv1.weight") == 1);
    for (const ParameterRange& range : torchvision.ranges)
        CHECK(torchvision.groups[static_cast<std::size_t>(range.group)].weight_decay == aux.config.weight_decay);
    // Five stages everywhere else: a rate each, or one for all.
    const std::vector<double> rising = {0.1, 0.2, 0.3, 0.4, 0.5};
    for (const auto& [net, first, last] :
         {std::tuple{"unet-resnet34", "bn_data.bias", "bn1.weight"},
          {"unet-vgg16", "block1_conv1.weight", "block5_conv3.bias"},
          {"smp-unet-vgg16-bn", "encoder.features.0.weight", "encoder.features.41.weight"},
          {"smp-unet-resnet34", "encoder.bn1.weight", "encoder.layer4.0.conv1.weight"}}) {
        const ParameterGroups groups = parameter_groups(narrow_model(net, rising));
        CHECK(multiplier(groups, first) == 0.1);
        CHECK(multiplier(groups, last) == 0.5);
    }
    CHECK(testing::error_of([] {
              parameter_groups(narrow_model("smp-unet-resnet34", {0.1, 0.2}));
          }) == "--encoder-lr: the encoder of smp-unet-resnet34 has 5 stages: give one number for all, or 5, not 2");
    CHECK(testing::error_of([] { parameter_groups(narrow_model("unet", {0.1})); }) ==
          "--encoder-lr: unet has no encoder of its own");
}

TEST_CASE("stages follow each other: a frozen encoder first, then all at another size") {
    const Files files;
    Observer observer;
    const TrainResult result = train(files.config(), files.folder / "run", observer, observer.stop);
    CHECK(result.outcome == TrainOutcome::finished);
    CHECK(result.epochs_done == 2);
    CHECK(testing::mentions(observer.messages, {"training starts from", "stage 1 of 2: 32x32", "the encoder frozen",
                                                "stage 2 of 2: 32x64"}));
    std::ifstream metrics(files.folder / "run/metrics.jsonl");
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(metrics, line);) lines.push_back(nlohmann::json::parse(line));
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].at("stage") == 0);
    CHECK(lines[0].at("step") == 3);
    CHECK(lines[1].at("stage") == 1);
    CHECK(lines[1].at("step") == 7);
    CHECK(load_model(files.folder / "run/last.safetensors").config.width == 64);

    // Interrupted in the first stage, the weights of the encoder are those it started from.
    Observer early(2);
    CHECK(train(files.config(), files.folder / "early", early, early.stop).outcome == TrainOutcome::interrupted);
    const Tensor start = SafetensorsFile::open(files.weights).read("model.encoder.layer1.0.conv1.weight");
    const std::string before(static_cast<const char*>(start.raw()), start.bytes());
    CHECK(files.bytes_of("early", "model.encoder.layer1.0.conv1.weight") == before);
    CHECK(files.bytes_of("run", "model.encoder.layer1.0.conv1.weight") != before);
}

TEST_CASE("a run resumed in any stage ends with the bits of one never interrupted") {
    const Files files;
    Observer whole;
    train(files.config(), files.folder / "whole", whole, whole.stop);
    for (const int steps : {3, 5}) {  // at the end of the first stage, within the second
        CAPTURE(steps);
        const std::string name = fmt::format("stopped{}", steps);
        Observer stopped(steps), rest;
        CHECK(train(files.config(), files.folder / name, stopped, stopped.stop).outcome == TrainOutcome::interrupted);
        CHECK(resume_training(files.folder / name, {}, rest, rest.stop).outcome == TrainOutcome::finished);
        const SafetensorsFile expected = SafetensorsFile::open(files.folder / "whole/last.safetensors");
        for (const auto& entry : expected.entries())
            CHECK_MESSAGE(files.bytes_of(name.c_str(), entry.name) == files.bytes_of("whole", entry.name), entry.name);
    }
}

TEST_CASE("what cannot work is refused before anything is written") {
    const Files files;
    const auto refusal = [&](auto change) {
        TrainConfig config = files.config();
        change(config);
        Observer observer;
        const std::string error =
            testing::error_of([&] { train(config, files.folder / "none", observer, observer.stop); });
        CHECK_FALSE(fs::exists(files.folder / "none"));
        return error;
    };
    CHECK(testing::mentions(refusal([](TrainConfig& c) { c.weights.clear(); }), {"frozen at random weights"}));
    CHECK(testing::mentions(refusal([](TrainConfig& c) { c.encoder_weights = "x"; }), {"give one of them"}));
    CHECK(testing::mentions(refusal([](TrainConfig& c) { c.minutes = 1; }), {"--minutes", "stages"}));
    CHECK(refusal([](TrainConfig& c) { c.stages[1]["epochs"] = 0; }) ==
          "stage 2 of the run: epochs must be a whole number of at least 1, not 0");
    CHECK(refusal([](TrainConfig& c) { c.stages[1]["height"] = "x"; }) ==
          "stage 2 of the run: height must be a whole number of at least 1, not \"x\"");
    CHECK(refusal([](TrainConfig& c) { c.stages[1]["schedule"]["base_momentum"] = 0.99; }) ==
          "schedule: base_momentum must be above 0 and at most max_momentum");
    CHECK(refusal([](TrainConfig& c) { c.optimizer = OptimizerKind::sgd, c.momentum = 0; }) ==
          "--cycle-momentum moves SGD's momentum, of which --momentum 0 leaves none");
    CHECK(refusal([](TrainConfig& c) { c.val_height = 32; }) == "val_height and val_width want one another");
    CHECK(testing::mentions(refusal([](TrainConfig& c) { c.augment.scale_min = 3; }), {"a scale from 3 to 2"}));
}

TEST_CASE("a network of other classes starts from a checkpoint but for its last layer") {
    const Files files;
    TrainConfig config = files.config();
    config.net_options["classes"] = 4;
    ClassTable four = camvid11();
    four.names.resize(4);
    four.colours.resize(4);
    const Model model = make_model(config, four, true, true);
    CHECK(testing::mentions(model.start, {"2 of the network's tensors start anew: segmentation_head.0.weight"}));
}

TEST_CASE(
    "every preset names a network, sizes and rates that fit together; the published ones their systems' figures") {
    for (const TrainPreset& preset : train_presets()) {
        CAPTURE(preset.name);
        TrainConfig config = train_preset(preset.name);
        CHECK(train_config(to_json(config)).stages == config.stages);
        config.net_options["classes"] = camvid11().count();
        config.device = Device::cpu;
        for (std::size_t i = 0; i < stage_count(config); ++i) {
            const TrainConfig stage = stage_config(config, i);
            const auto net = nets::make_net(stage.net, stage.net_options);
            const NoGrad no_grad;
            CHECK_NOTHROW(net->forward(Tensor::empty({1, stage.height, stage.width, 3}, Dtype::f32, Device::meta)));
            CHECK((stage.encoder_lr.size() < 2 || stage.encoder_lr.size() == net->encoder_stages().size()));
            CHECK((!stage.freeze_encoder || !net->encoder_stages().empty()));
        }
    }
    // fastai's slice(lr / 400, lr / 4) with lr = 3e-3, and slice(1e-6, 1e-4).
    const TrainConfig fastai = train_preset("fastai-camvid");
    const TrainConfig second = stage_config(fastai, 1), fourth = stage_config(fastai, 3);
    CHECK(second.lr * second.encoder_lr[0] == doctest::Approx(3e-3 / 400));
    CHECK(second.lr == doctest::Approx(3e-3 / 4));
    CHECK(fourth.lr * fourth.encoder_lr[0] == doctest::Approx(1e-6));
    int epochs = 0;
    for (std::size_t i = 0; i < stage_count(fastai); ++i) epochs += stage_config(fastai, i).epochs;
    CHECK(epochs == 42);
    // 120 steps of batch 5, pixels times 1/255.
    const TrainConfig keras = train_preset("segmentation-models-vgg16");
    CHECK(keras.epoch_batches * keras.batch == 600);
    CHECK(nets::make_net(keras.net, keras.net_options)->preprocessing() == nets::Preprocessing{});
    CHECK(testing::mentions(testing::error_of([] { train_preset("x"); }), {"unknown preset 'x'", "fastai-camvid"}));
}
