// A small unet against the same network in PyTorch: logits and gradients of the first step, and the loss of twenty Adam
// steps, from the same weights and batches (fixtures/make_torch_unet_curve.py).
#include <camber/autograd.h>
#include <camber/nets.h>
#include <camber/ops.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include <cmath>

#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using testing::values_of;

namespace {

constexpr int steps = 20, classes = 5, void_label = 255;

/// The network of the fixture, with its weights, and what trains it.
struct Run {
    SafetensorsFile file = SafetensorsFile::open(CAMBER_TEST_FIXTURES "/torch_unet_curve.safetensors");
    std::unique_ptr<nets::Net> net = nets::make_unet({.classes = classes, .width = 2, .dropout = 0});
    nn::ParameterBuffer buffer;
    Tensor images = file.read("unet.images", Device::cpu), labels = file.read("unet.labels", Device::cpu);

    Run(Device device, Dtype dtype) : buffer(*net, {.device = device, .dtype = dtype}) {
        for (const auto* entries : {&buffer.parameters(), &buffer.buffers()}) {
            for (const auto& entry : *entries) file.read_into(entry.name, entry.tensor());
        }
        buffer.mark_changed();
    }

    Tensor batch(int step) const {
        const Tensor bytes = images.slice(step * 2 * 32 * 32 * 3, {2, 32, 32, 3});
        std::vector<double> scaled = values_of(bytes);
        for (double& value : scaled) value /= 255;
        return testing::converted(Tensor::from(scaled, bytes.shape(), Device::cpu), buffer.values().dtype(),
                                  buffer.values().device());
    }
    Tensor loss(const Tensor& logits, int step) const {
        const Tensor truth = labels.slice(step * 2 * 32 * 32, {2, 32, 32}).to(logits.device());
        return ops::segmentation_loss(logits, truth, {.cross_entropy = 1, .ignore_index = void_label}).loss;
    }
    Tensor golden(const std::string& name) const { return file.read(name, Device::cpu); }
};

/// Every eighth pixel from pixel 4, as the fixture keeps them.
Tensor sampled(const Tensor& logits) {
    const std::vector<double> all = values_of(logits);
    std::vector<double> kept;
    for (std::size_t n = 0; n < 2; ++n) {
        for (std::size_t i = 4; i < 32; i += 8) {
            for (std::size_t j = 4; j < 32; j += 8) {
                const auto pixel = all.begin() + static_cast<std::ptrdiff_t>(((n * 32 + i) * 32 + j) * classes);
                kept.insert(kept.end(), pixel, pixel + classes);
            }
        }
    }
    return Tensor::from(kept, {2, 4, 4, classes}, Device::cpu);
}

/// The largest relative distance of twenty steps' losses from PyTorch's in f64.
double curve_error(Device device, Dtype dtype) {
    Run run(device, dtype);
    std::vector<ParameterRange> ranges;
    for (const auto& entry : run.buffer.parameters()) {
        ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), 0});
    }
    Optimizer optimizer(run.buffer.values(), run.buffer.gradients(), ranges, {ParameterGroup{}}, {.rule = Adam{}});
    const std::vector<double> expected = values_of(run.golden("adam.losses_f64"));
    double worst = 0;
    for (int step = 0; step < steps; ++step) {
        run.buffer.zero_grad();
        const Tensor loss = run.loss(run.net->forward(run.batch(step)), step);
        backward(loss);
        run.buffer.complete_gradients();
        optimizer.step(1e-3);
        worst = std::max(worst, std::abs(loss.item() / expected[static_cast<std::size_t>(step)] - 1));
    }
    return worst;
}

}  // namespace

TEST_CASE("the first step is PyTorch's: logits in evaluation and training, gradients") {
    Run run(Device::reference, Dtype::f64);
    {
        const NoGrad no_grad;
        run.net->eval();
        CHECK(testing::relative_error(sampled(run.net->forward(run.batch(0))), run.golden("first_step.eval_logits")) <
              1e-6);
        run.net->train();
    }
    const Tensor logits = run.net->forward(run.batch(0));
    CHECK(testing::relative_error(sampled(logits), run.golden("first_step.train_logits")) < 1e-6);
    backward(run.loss(logits, 0));
    run.buffer.complete_gradients();  // biases that batch normalisation takes away again are in no backward step
    for (const std::string name : {"encoder.0.conv1.weight", "decoder.0.up.weight", "head.weight"}) {
        CAPTURE(name);
        const Tensor gradient = run.buffer.find(name)->tensor().grad();
        CHECK(testing::relative_error(gradient, run.golden("first_step.grad_" + name)) < 1e-6);
    }
    const std::vector<double> norms = values_of(run.golden("first_step.grad_norms"));
    const auto names = nlohmann::json::parse(run.file.metadata().at("cases"))[0].at("parameters");
    REQUIRE(norms.size() == run.buffer.parameters().size());
    for (std::size_t i = 0; i < norms.size(); ++i) {
        CAPTURE(names[i]);
        double sum = 0;
        for (const double g : values_of(run.buffer.find(names[i])->tensor().grad())) sum += g * g;
        CHECK(std::abs(std::sqrt(sum) - norms[i]) < 1e-9 + 1e-9 * norms[i]);
    }
}

TEST_CASE("twenty training steps follow PyTorch's losses") {
    CHECK(curve_error(Device::reference, Dtype::f64) < 1e-8);
    for (const Device device : testing::computing_devices()) {
        CAPTURE(std::string(name(device)));
        CHECK(curve_error(device, Dtype::f32) < 1e-4);
    }
}
