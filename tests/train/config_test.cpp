#include <camber/train.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/errors.h"
#include "train/config_fields.h"

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
    CHECK(check([](TrainConfig& c) { c.batch = 0; }) == "batch must be a whole number of at least 1, not 0");
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
    CHECK(refusal({{"schedule", {{"gamma", "x"}}}}) == "run/config.json: schedule: gamma must be a number");
    CHECK(refusal(json::array()) == "run/config.json must be a JSON object, not []");
    CHECK(train_config({{"seed", 18446744073709551615u}}).seed == 18446744073709551615u);
    TrainConfig config;
    config.stages = {{{"lr", -1}}};
    CHECK(error_of([&] { stage_config(config, 0); }) ==
          "stage 1 of the run: lr must be a number of at least 0, not -1");
}

TEST_CASE("an option finds what its field can be") {
    CHECK(train_number("clip").low == 0);
    CHECK(train_number("loss.label_smoothing").high == 1);
    CHECK_THROWS_AS(train_number("net"), UsageError);
    CHECK_THROWS_AS(train_number("clips"), UsageError);
}
