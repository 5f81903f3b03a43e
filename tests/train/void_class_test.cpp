// A class table whose void is one of its classes: CamVid's 32.
#include <camber/autograd.h>
#include <camber/synth.h>
#include <camber/train.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "train/loss.h"

using namespace camber;

namespace {

constexpr int height = 32, width = 48;

Dataset scenes() {
    std::vector<Image> images, labels;
    for (std::uint64_t i = 0; i < 3; ++i) {
        Scene scene = generate_scene(4, i, height, width);
        for (auto& id : scene.label.data) id = id == 11 ? 30 : id;  // any of the 32, and Void
        images.push_back(std::move(scene.image));
        labels.push_back(std::move(scene.label));
    }
    return Dataset::from_samples(std::move(images), std::move(labels), camvid32());
}

Model model(bool learn_void, bool judge_void = false) {
    TrainConfig config;
    config.net_options = {{"classes", 32}, {"width", 2}, {"depth", 1}};
    config.height = height;
    config.width = width;
    config.batch = 3;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    config.loss = {.dice = 1};
    config.learn_void = learn_void;
    config.judge_void = judge_void;
    return make_model(config, camvid32(), false);
}

}  // namespace

TEST_CASE("what is judged leaves Void out, what is learnt has it where the run says so") {
    const Dataset data = scenes();
    Model learnt = model(true), left_out = model(false);
    const EvalResult with = evaluate(learnt, data), without = evaluate(left_out, data);
    // By hand, of predictions: fastai's acc_camvid.
    std::int64_t right = 0, judged = 0, void_pixels = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        const Image truth = data.label(i), prediction = predict(learnt, data.sample(i)->image);
        for (std::size_t p = 0; p < truth.data.size(); ++p) {
            void_pixels += truth.data[p] == 30;
            judged += truth.data[p] != 30;
            right += truth.data[p] != 30 && truth.data[p] == prediction.data[p];
        }
    }
    REQUIRE(void_pixels > 0);
    const double accuracy = static_cast<double>(right) / static_cast<double>(judged);
    CHECK(with.confusion.pixel_accuracy() == doctest::Approx(accuracy).epsilon(1e-12));
    CHECK(without.confusion.counts() == with.confusion.counts());
    CHECK(with.confusion.total() == judged);
    CHECK_FALSE(with.confusion.occurs(30));
    // The loss is Dice's of all 32, or of all but Void's pixels.
    CHECK(std::abs(with.loss - without.loss) > 1e-4);
    CHECK(std::abs(with.iou_score - without.iou_score) > 1e-4);
    CHECK(median_frequency_weights(data)[30] == 0);
    // Judged, too, it is a class as the others; where it is not learnt, that asks for nothing.
    Model all = model(true, true), neither = model(false, true);
    const EvalResult every = evaluate(all, data);
    CHECK(every.confusion.total() == judged + void_pixels);
    CHECK(every.confusion.occurs(30));
    CHECK(every.loss == with.loss);
    CHECK(evaluate(neither, data).confusion.counts() == without.confusion.counts());
}

TEST_CASE("the presets of what was published on 32 classes learn Void") {
    for (const TrainPreset& preset : train_presets()) {
        const std::string name = preset.name;
        const bool published = name.starts_with("segmentation-models") || name == "fastai-camvid";
        CHECK(train_preset(name).learn_void == published);
        CHECK(train_preset(name).judge_void == name.starts_with("segmentation-models"));
    }
}
