// The same seed gives the same training run on the GPU's kernels as on the CPU: weights, batches, dropout, losses.
#include <camber/autograd.h>
#include <camber/loader.h>
#include <camber/nets.h>
#include <camber/ops.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <camber/synth.h>
#include <doctest/doctest.h>

#include <cmath>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;

namespace {

constexpr int classes = 11, steps = 20;

Dataset small_scenes() {
    std::vector<Image> images, labels;
    for (std::uint64_t i = 0; i < 6; ++i) {
        Scene scene = generate_scene(3, i, 48, 64);
        images.push_back(std::move(scene.image));
        labels.push_back(std::move(scene.label));
    }
    return Dataset::from_samples(std::move(images), std::move(labels), camvid11());
}

/// A network with dropout, its parameters on `device`.
struct Run {
    std::unique_ptr<nets::Net> net = nets::make_unet({.classes = classes, .width = 2, .dropout = 0.2});
    nn::ParameterBuffer buffer;
    explicit Run(Device device) : buffer(*net, {.device = device, .dtype = Dtype::f32, .seed = 7}) {}

    std::vector<double> losses(const Dataset& dataset) {
        LoaderConfig config;
        config.batch_size = 2;
        config.height = 32;
        config.width = 32;
        config.shuffle = true;
        config.seed = 7;
        Loader loader(dataset, config);
        std::vector<ParameterRange> ranges;
        for (const auto& entry : buffer.parameters())
            ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), 0});
        Optimizer optimizer(buffer.values(), buffer.gradients(), ranges, {ParameterGroup{}},
                            {.rule = Sgd{.momentum = 0.9}, .max_grad_norm = 1});
        const Device device = buffer.values().device();
        std::vector<double> losses;
        for (int step = 0; step < steps; ++step) {
            const Batch& batch = loader.next();
            buffer.zero_grad();
            net->context().begin(static_cast<std::uint64_t>(step));
            const Tensor logits = net->forward(batch.images.to(device));
            const Tensor loss = ops::segmentation_loss(logits, batch.labels.to(device),
                                                       {.cross_entropy = 1, .dice = 0.5, .ignore_index = classes})
                                    .loss;
            losses.push_back(loss.item());
            backward(loss);
            buffer.complete_gradients();
            optimizer.step(0.05);
        }
        return losses;
    }
};

}  // namespace

TEST_CASE("the same seed: initial weights are the CPU's bit for bit") {
    const Run expected(Device::cpu);
    for (const Device device : testing::kernel_devices()) {
        CAPTURE(std::string(name(device)));
        const Run run(device);
        CHECK(run.buffer.values().to_vector<float>() == expected.buffer.values().to_vector<float>());
    }
}

TEST_CASE("the same seed: dropout masks are the CPU's") {
    const std::vector<float> ones(1003, 1.0f);
    const PhiloxKey key{9, Stream::dropout, 4};
    const auto mask = [&](Device device) {
        const Tensor x = Tensor::from(ones, {1, 17, 59, 1}, device);
        const Tensor y = Tensor::empty(x.shape(), Dtype::f32, device);
        backend(device).dropout(x, y, 0.3, key, {});
        return y.to_vector<float>();
    };
    for (const Device device : testing::kernel_devices()) CHECK(mask(device) == mask(Device::cpu));
}

TEST_CASE("the same seed: the losses of twenty steps, with augmentation, dropout and clipping, are the CPU's") {
    const Dataset dataset = small_scenes();
    const std::vector<double> expected = Run(Device::cpu).losses(dataset);
    for (const Device device : testing::kernel_devices()) {
        CAPTURE(std::string(name(device)));
        const std::vector<double> losses = Run(device).losses(dataset);
        double worst = 0;
        for (std::size_t i = 0; i < losses.size(); ++i) worst = std::max(worst, std::abs(losses[i] / expected[i] - 1));
        CHECK(worst < 1e-4);
    }
}
