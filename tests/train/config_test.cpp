#include <camber/train.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "support/errors.h"
#include "train/options.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

/// What reading a configuration from JSON says.
std::string refusal(const json& config) {
    return error_of([&] { train_config(config, "run/config.json"); });
}

}  // namespace

TEST_CASE("a configuration's JSON gives it back") {
    for (const TrainPreset& preset : train_presets()) {
        CAPTURE(preset.name);
        const json written = to_json(train_preset(preset.name));
        CHECK(to_json(train_config(written)) == written);
        CHECK_NOTHROW(check_config(train_preset(preset.name)));
    }
    CHECK(to_json(train_config(json::object())) == to_json(TrainConfig()));
}

TEST_CASE("numbers that a configuration cannot have are refused by name, wherever they come from") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    const auto check = [](auto&& change) {
        TrainConfig config;
        change(config);
        CHECK_THROWS_AS(check_config(config), UsageError);
        return error_of([&] { check_config(config); });
    };
    for (const double bad : {nan, infinity, -infinity, -1.0}) {
        CAPTURE(bad);
        for (double TrainConfig::*field : {&TrainConfig::minutes, &TrainConfig::lr, &TrainConfig::weight_decay,
                                           &TrainConfig::beta2, &TrainConfig::momentum, &TrainConfig::clip,
                                           &TrainConfig::ema, &TrainConfig::stop_at, &TrainConfig::checkpoint_minutes})
            CHECK(mentions(check([&](TrainConfig& c) { c.*field = bad; }), {" must be a number"}));
        CHECK(mentions(check([&](TrainConfig& c) { c.encoder_lr = {1, bad}; }), {"encoder_lr must be"}));
        CHECK(mentions(check([&](TrainConfig& c) { c.loss.dice = bad; }), {"loss.dice must be"}));
        CHECK(mentions(check([&](TrainConfig& c) { c.augment.flip = static_cast<float>(bad); }), {"augment.flip"}));
        CHECK(mentions(check([&](TrainConfig& c) { c.normalisation.std[1] = static_cast<float>(bad); }),
                       {"normalisation.std"}));
    }
    CHECK(check([](TrainConfig& c) { c.patience = -1; }) == "patience must be a whole number of at least 0, not -1");
    CHECK(check([](TrainConfig& c) { c.momentum = 1; }) ==
          "momentum must be a number of at least 0 and below 1, not 1");
    CHECK(check([](TrainConfig& c) { c.batch = -1; }) == "batch must be a whole number of at least 1, not -1");
    CHECK(mentions(check([](TrainConfig& c) {
                       c.data =
                           "donn\xe9"
                           "es";
                   }),
                   {"data must be UTF-8", "donn\\xe9es"}));
}

TEST_CASE("a configuration that is not as it was written is refused by field, in the project's words") {
    CHECK(refusal({{"clip", nullptr}}) == "run/config.json: clip must be a number of at least 0, not null");
    CHECK(refusal({{"batch", 3000000000}}) ==
          "run/config.json: batch must be a whole number of at least 1, not 3000000000");
    CHECK(refusal({{"batch", 0}}) == "run/config.json: batch must be a whole number of at least 1, not 0");
    CHECK(refusal({{"batch", "some"}}) ==
          "run/config.json: batch must be auto, or a whole number of at least 1, not \"some\"");
    CHECK(refusal({{"seed", -1}}) == "run/config.json: seed must be a whole number of at least 0, not -1");
    CHECK(refusal({{"epochs", 2.5}}) == "run/config.json: epochs must be a whole number of at least 1, not 2.5");
    CHECK(refusal({{"net", 3}}) == "run/config.json: net must be text, not 3");
    CHECK(refusal({{"nesterov", "yes"}}) == "run/config.json: nesterov must be true or false, not \"yes\"");
    CHECK(refusal({{"encoder_lr", {0.1, "x"}}}) ==
          "run/config.json: encoder_lr must be a number of at least 0, not \"x\"");
    CHECK(refusal({{"augment", {{"flip", 2}}}}) == "run/config.json: augment.flip must be a number from 0 to 1, not 2");
    CHECK(refusal({{"normalisation", {{"mean", {1, 2}}}}}) ==
          "run/config.json: normalisation.mean must be a list of 3 numbers, not [1,2]");
    CHECK(refusal({{"loss", 1}}) == "run/config.json: loss must be a JSON object, not 1");
    CHECK(refusal({{"schedule", {{"gamma", "x"}}}}) ==
          "run/config.json: schedule.gamma must be a number above 0, not \"x\"");
    CHECK(refusal({{"net_options", 3}}) == "run/config.json: net_options must be a JSON object, not 3");
    CHECK(refusal({{"stages", 3}}) == "run/config.json: stages must be a list of JSON objects, not 3");
    CHECK(refusal({{"stages", {{"epochs", 3}}}}) ==
          "run/config.json: stages must be a list of JSON objects, not {\"epochs\":3}");
    CHECK(refusal({{"stages", json::array({3})}}) == "run/config.json: stages must be a list of JSON objects, not [3]");
    CHECK(refusal(json::array()) == "run/config.json must be a JSON object, not []");
    CHECK(train_config({{"seed", 18446744073709551615u}}).seed == 18446744073709551615u);
    TrainConfig config;
    config.stages = {{{"lr", -1}}};
    CHECK(error_of([&] { stage_config(config, 0); }) ==
          "stage 1 of the run: lr must be a number of at least 0, not -1");
}

TEST_CASE("a field that there is not is refused, and the nearest named") {
    CHECK(refusal({{"optimiser", "sgd"}}) == "run/config.json: there is no 'optimiser' (did you mean 'optimizer'?)");
    CHECK(refusal({{"loss", {{"dise", 1}}}}) == "run/config.json: there is no 'loss.dise' (did you mean 'loss.dice'?)");
    CHECK(refusal({{"schedule", {{"pct_begin", 1}}}}).starts_with("run/config.json: there is no 'schedule.pct_begin'"));
    CHECK(refusal({{"size", "64x64"}}).starts_with("run/config.json: there is no 'size'"));
    CHECK(refusal({{"xylophone", 1}}) == "run/config.json: there is no 'xylophone'");
    TrainConfig config;
    config.stages = {{{"clips", 1}}};
    CHECK(mentions(error_of([&] { stage_config(config, 0); }), {"stage 1", "did you mean 'clip'?", "epochs, "}));
    config.stages = {{{"optimizer", "sgd"}}};
    CHECK(mentions(error_of([&] { stage_config(config, 0); }), {"stage 1", "'optimizer'", "a stage can have"}));
}

TEST_CASE("a choice is one of its names") {
    CHECK(refusal({{"optimizer", "lion"}}) == "run/config.json: optimizer must be sgd, adam or adamw, not \"lion\"");
    CHECK(refusal({{"dtype", "f64"}}) == "run/config.json: dtype must be auto, f32 or bf16, not \"f64\"");
    CHECK(refusal({{"monitor", 1}}) ==
          "run/config.json: monitor must be mean_iou, pixel_accuracy, iou_score or loss, not 1");
    CHECK(train_config({{"device", "emulated"}}).device == Device::emulated);
    CHECK_FALSE(train_config({{"device", "auto"}}).device.has_value());
    TrainConfig config;
    config.device = Device::meta;
    CHECK(error_of([&] { check_config(config); }) == "device must be auto, cuda, cpu, emulated or reference");
}

TEST_CASE("a configuration that an earlier Camber wrote is read and written as it was") {
    const json written = json::parse(R"(
{"accumulate": 2, "augment": {"aspect": 0.10000000149011612, "brightness": 0.25, "contrast": 0.25, "edges": 0.0,
"emboss": 0.0, "enabled": false, "flip": 0.5, "flip_vertical": 0.0, "saturation": 0.25, "scale_max": 2.0,
"scale_min": 0.75, "sharpen": 0.0}, "batch": 4, "beta2": 0.999, "checkpoint_minutes": 5.0, "class_weights": "sqrt",
"clip": 0.5, "data": "data/camvid", "device": "cpu", "dtype": "f32", "ema": 0.9, "encoder_lr": [],
"encoder_weights": "", "epoch_batches": 2, "epochs": 3, "freeze_batch_norms": false, "freeze_encoder": false,
"height": 32, "loss": {"cross_entropy": 1.0, "dice": 0.5, "focal": 0.2, "focal_gamma": 2.0, "ignore_index": -1,
"jaccard": 0.0, "label_smoothing": 0.1, "per_image": false, "smooth": 1e-05}, "lr": 0.001, "lr_step_size": 1,
"minutes": 0.0, "momentum": 0.8, "monitor": "loss", "nesterov": true, "net": "unet", "net_options": {"batch_norm":
true, "classes": 11, "depth": 3, "dropout": 0.2, "head_kernel": 3, "up_kernel": 3, "width": 4}, "normalisation":
{"mean": [0.48500001430511475, 0.4560000002384186, 0.4059999883174896], "std": [0.2290000021457672,
0.2240000069141388, 0.22499999403953552]}, "optimizer": "sgd", "patience": 3, "pictures": 4, "schedule": {"gamma":
0.5, "kind": "step", "step_size": 0, "warmup_start": 0.0, "warmup_steps": 1}, "seed": 7, "stages": [], "stop_at":
0.0, "threads": 2, "weight_decay": 0.01, "weights": "", "width": 48})");
    const TrainConfig config = train_config(written);
    CHECK(to_json(config) == written);
    CHECK(config.optimizer == OptimizerKind::sgd);
    CHECK(config.schedule == ScheduleConfig{.kind = ScheduleKind::step, .warmup_steps = 1, .gamma = 0.5});
    CHECK(config.loss.focal == 0.2);
    // A schedule that names no kind was constant, and one that is not there the default.
    CHECK(train_config({{"schedule", json::object()}}).schedule.kind == ScheduleKind::constant);
    CHECK(train_config(json::object()).schedule.kind == ScheduleKind::one_cycle);
    for (const ScheduleKind kind : {ScheduleKind::polynomial, ScheduleKind::cosine, ScheduleKind::one_cycle}) {
        TrainConfig changed;
        changed.schedule = {.kind = kind, .total_steps = 9, .warmup_steps = 2, .warmup_start = 0.1};
        CHECK(train_config(to_json(changed)).schedule == changed.schedule);
    }
}

TEST_CASE("an option that has no effect is refused where it was given, by its flag, with why") {
    const auto refused = [](auto&& change, const std::string& given) {
        TrainConfig config;
        change(config);
        return error_of([&] { refuse_without_effect(config, [&](const std::string& name) { return name == given; }); });
    };
    const auto nothing = [](TrainConfig&) {};
    CHECK(refused(nothing, "momentum") == "--momentum has no effect with --optimizer adamw: it is for sgd");
    CHECK(refused(nothing, "nesterov") == "--nesterov has no effect with --optimizer adamw: it is for sgd");
    CHECK(refused(nothing, "schedule.gamma") == "--lr-gamma has no effect with --schedule one_cycle: it is for step");
    CHECK(refused(nothing, "freeze_batch_norms") == "--freeze-batch-norms has no effect without --freeze-encoder");
    CHECK(refused([](TrainConfig& c) { c.minutes = 1; }, "epochs") ==
          "--epochs has no effect with --minutes, which ends the run");
    const auto sgd = [](TrainConfig& c) { c.optimizer = OptimizerKind::sgd; };
    CHECK(refused(sgd, "beta2") == "--beta2 has no effect with --optimizer sgd: it is for adam and adamw");
    const auto dice = [](TrainConfig& c) { c.loss = {.dice = 1}, c.class_weights = ClassWeights::median; };
    for (const char* name : {"class_weights", "loss.label_smoothing"})
        CHECK(mentions(refused(dice, name), {"has no effect without the term cross_entropy of --loss"}));
    for (const char* name : {"momentum", "nesterov"}) CHECK(refused(sgd, name).empty());
    // What a stage has a use for is not refused.
    const auto stages = [](TrainConfig& c) { c.stages = {{{"freeze_encoder", false}}, {{"freeze_encoder", true}}}; };
    CHECK(refused(stages, "freeze_batch_norms").empty());
    TrainConfig config;
    for (const TrainOption& option : train_options(config)) {
        CAPTURE(option.name);
        CHECK((option.lacks.empty() || !option.help.empty()));  // what is not on the command line cannot be given
    }
}

TEST_CASE("every option of a run has a name and a flag of its own, and takes a text") {
    TrainConfig config;
    std::set<std::string> names, flags;
    for (const TrainOption& option : train_options(config)) {
        CAPTURE(option.name);
        CHECK(names.insert(option.name).second);
        if (!option.help.empty()) CHECK(flags.insert(option.flag).second);
    }
    CHECK(flags.size() > 35);
    CHECK(set_train_option(config, "lr", "0.5").empty());
    CHECK(config.lr == 0.5);
    CHECK(set_train_option(config, "lr", "-1") == "must be a number of at least 0, not '-1'");
    CHECK(set_train_option(config, "size", "32x48").empty());
    CHECK(config.width == 48);
    CHECK(set_train_option(config, "encoder_lr", "0.1,0.5").empty());
    CHECK(config.encoder_lr == std::vector<double>{0.1, 0.5});
    CHECK(set_train_option(config, "optimizer", "lion") == "must be sgd, adam or adamw, not 'lion'");
    CHECK_THROWS_AS(set_train_option(config, "clips", "1"), UsageError);
}
