// A network of one channel beside the binary losses that it stands for.
#include <camber/train.h>
#include <doctest/doctest.h>

#include <cmath>

#include "train/loss.h"

using namespace camber;

TEST_CASE("the losses of one channel are binary cross-entropy and binary focal loss") {
    const std::vector<float> z = {-3, -0.5f, 0, 0.25f, 2, 9};
    const std::vector<std::uint8_t> labels = {0, 1, 1, 255, 0, 1};
    TrainConfig config;
    config.net_options = {{"width", 4}, {"depth", 1}, {"classes", 1}};
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    for (const double gamma : {0.0, 2.0}) {
        config.loss = {};
        config.loss.focal_gamma = gamma;
        (gamma > 0 ? config.loss.focal : config.loss.cross_entropy) = 1;
        const Model model = make_model(config, numbered_classes(2), true);
        const Tensor logits = class_logits(model, Tensor::from(z, {1, 2, 3, 1}, Device::cpu));
        CHECK(logits.shape() == Shape{1, 2, 3, 2});
        const auto loss = model_loss(model, logits, Tensor::from(labels, {1, 2, 3}, Device::cpu), 255);
        double sum = 0;
        for (std::size_t i = 0; i < z.size(); ++i) {
            const double p = 1 / (1 + std::exp(-static_cast<double>(z[i]))), q = labels[i] == 1 ? p : 1 - p;
            if (labels[i] != 255) sum -= std::pow(1 - q, gamma) * std::log(q);
        }
        CHECK(loss.loss.item() == doctest::Approx(sum / 5).epsilon(1e-5));
    }
    CHECK_THROWS_AS(make_model(config, numbered_classes(3), false), UsageError);
    CHECK_THROWS_AS(make_model(config, numbered_classes(1), false), UsageError);
}
