#include "train/loss.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace camber;

TEST_CASE("class weights are the focal term's too where that is asked for") {
    const std::vector<float> z = {-1, 0.5f, 2, 0, 1, 0, 3, -2, 0.25f};
    const std::vector<std::uint8_t> labels = {2, 1, 0};
    const std::vector<float> weights = {0.5f, 1, 3};
    TrainConfig config;
    config.net_options = {{"width", 4}, {"depth", 1}, {"classes", 3}};
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    config.loss = {.focal = 1};
    for (const bool weighted : {false, true}) {
        config.focal_class_weights = weighted;
        CHECK(train_config(to_json(config)).focal_class_weights == weighted);
        Model model = make_model(config, numbered_classes(3), true);
        model.class_weights = weights_tensor(weights, Device::cpu);
        const auto loss = model_loss(model, Tensor::from(z, {1, 1, 3, 3}, Device::cpu),
                                     Tensor::from(labels, {1, 1, 3}, Device::cpu), 255);
        double sum = 0;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            double total = 0;
            for (std::size_t c = 0; c < 3; ++c) total += std::exp(static_cast<double>(z[i * 3 + c]));
            const double q = std::exp(static_cast<double>(z[i * 3 + labels[i]])) / total;
            sum -= (weighted ? static_cast<double>(weights[labels[i]]) : 1) * std::pow(1 - q, 2) * std::log(q);
        }
        CHECK(loss.loss.item() == doctest::Approx(sum / 3).epsilon(1e-5));
    }
}
