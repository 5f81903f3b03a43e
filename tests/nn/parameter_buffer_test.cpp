#include <camber/autograd.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <doctest/doctest.h>

#include <cmath>

#include "backend/backend.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/random.h"

using namespace camber;
using testing::values_of;

namespace {

/// Two linear layers; `second` can be left out of forward().
class Example : public nn::Module {
  public:
    Example() : first(add<nn::Linear>("first", 3, 5)), second(add<nn::Linear>("second", 5, 2)) {}
    Tensor forward(const Tensor& x) override { return second.forward(first.forward(x)); }
    nn::Linear &first, &second;
};

nn::ParameterBufferOptions on_reference(Dtype dtype = Dtype::f32, std::uint64_t seed = 1) {
    return {.device = Device::reference, .dtype = dtype, .seed = seed, .gradients = true};
}

Tensor input(Dtype dtype = Dtype::f32) {
    const std::vector<double> values = {0.5, -1, 2, 1.5, 0.25, -0.75};
    return testing::converted(Tensor::from(values, {2, 3}, Device::reference), dtype, Device::reference);
}

}  // namespace

TEST_CASE("parameters are aligned views of one buffer, with zeros between") {
    Example net;
    const nn::ParameterBuffer buffer(net, on_reference());
    REQUIRE(buffer.parameters().size() == 4);
    CHECK(buffer.parameter_count() == 15 + 5 + 10 + 2);
    CHECK(buffer.values().numel() == 16 + 16 + 16 + 16);
    CHECK(buffer.gradients().numel() == buffer.values().numel());
    std::vector<bool> used(64);
    for (const auto& entry : buffer.parameters()) {
        CHECK(entry.begin % nn::ParameterBuffer::alignment == 0);
        CHECK(&entry.tensor().storage() == &buffer.values().storage());
        CHECK(entry.tensor().raw() == buffer.values().data<float>() + entry.begin);
        for (auto i = entry.begin; i < entry.end; ++i) used[static_cast<std::size_t>(i)] = true;
    }
    const auto values = values_of(buffer.values());
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!used[i]) CHECK(values[i] == 0);
    }
    CHECK(buffer.find("second.bias")->parameter == net.second.bias);
    CHECK(buffer.find("third.bias") == nullptr);
    CHECK_FALSE(buffer.buffer_values().defined());
}

TEST_CASE("initial values depend on the seed alone, not on dtype or device") {
    Example a, b, c, d;
    const nn::ParameterBuffer one(a, on_reference()), wide(b, on_reference(Dtype::f64)),
        other_seed(c, on_reference(Dtype::f32, 2)), cpu(d, {.device = Device::cpu, .seed = 1});
    CHECK(values_of(one.values()) == values_of(wide.values()));
    CHECK(values_of(one.values()) == values_of(cpu.values()));
    CHECK(values_of(one.values()) != values_of(other_seed.values()));
}

TEST_CASE("placing again moves the values that are there") {
    Example net;
    const nn::ParameterBuffer first(net, on_reference());
    const auto before = values_of(first.values());
    const nn::ParameterBuffer second(net, on_reference(Dtype::f64, 99));
    CHECK(values_of(second.values()) == before);
    CHECK(net.first.weight.tensor.dtype() == Dtype::f64);
}

TEST_CASE("gradients land in the flat buffer, accumulate, and are overwritten after zero_grad") {
    Example net;
    nn::ParameterBuffer buffer(net, on_reference());
    backward(ops::sum(net.forward(input())));
    const auto once = values_of(buffer.gradients());
    CHECK(once[48] == 2);  // second.bias: one for each of two samples
    CHECK(values_of(net.second.bias->tensor.grad()) == std::vector<double>{2, 2});
    backward(ops::sum(net.forward(input())));
    const auto twice = values_of(buffer.gradients());
    for (std::size_t i = 0; i < once.size(); ++i) CHECK(twice[i] == doctest::Approx(2 * once[i]));
    buffer.zero_grad();
    backward(ops::sum(net.forward(input())));
    CHECK(values_of(buffer.gradients()) == once);
}

TEST_CASE("a parameter that backward did not reach has a zero gradient") {
    Example net;
    nn::ParameterBuffer buffer(net, on_reference());
    backward(ops::sum(net.forward(input())));
    buffer.zero_grad();
    backward(ops::sum(net.first.forward(input())));
    buffer.complete_gradients();
    const auto gradients = values_of(buffer.gradients());
    CHECK(gradients[16] == 2);
    for (std::size_t i = 32; i < gradients.size(); ++i) CHECK(gradients[i] == 0);
}

TEST_CASE("frozen parameters get no gradient and freezing works before and after placing") {
    Example net;
    net.first.set_trainable(false);
    nn::ParameterBuffer buffer(net, on_reference());
    backward(ops::sum(net.forward(input())));
    CHECK_FALSE(net.first.weight.tensor.grad().defined());
    CHECK(net.second.weight.tensor.grad().defined());
    net.set_trainable(true);
    buffer.zero_grad();
    backward(ops::sum(net.forward(input())));
    CHECK(net.first.weight.tensor.grad().defined());
    net.second.set_trainable(false);
    buffer.zero_grad();
    backward(ops::sum(net.forward(input())));
    CHECK_FALSE(net.second.weight.tensor.grad().defined());
}

TEST_CASE("without gradients nothing is recorded") {
    Example net;
    const nn::ParameterBuffer buffer(net, {.device = Device::reference, .gradients = false});
    CHECK_FALSE(buffer.gradients().defined());
    CHECK_FALSE(net.forward(input()).requires_grad());
}

TEST_CASE("parameters are f32 or f64") {
    Example net;
    CHECK_THROWS_AS(nn::ParameterBuffer(net, on_reference(Dtype::bf16)), Error);
}

TEST_CASE("a bf16 copy of the parameters is as fresh as whoever changes them leaves it") {
    Example net;
    const nn::ParameterBuffer buffer(net, {.device = Device::cpu, .seed = 1, .rounded = true});
    const auto expect_copy = [&] {
        for (const auto& entry : buffer.parameters()) {
            const Tensor copy = entry.tensor().rounded();
            REQUIRE(copy.defined());
            CHECK(copy.shape() == entry.tensor().shape());
            const auto values = entry.tensor().to_vector<float>();
            const auto rounded = copy.to_vector<bf16>();
            for (std::size_t i = 0; i < values.size(); ++i) CHECK(rounded[i].bits == bf16(values[i]).bits);
        }
    };
    expect_copy();
    CHECK_FALSE(Example().first.weight.tensor.rounded().defined());

    // Changed by somebody who says so at once, or later.
    net.first.weight.tensor.copy_from(Tensor::from(std::vector<float>(15, 3.14159f), {5, 3}, Device::cpu));
    CHECK_FALSE(net.first.weight.tensor.rounded().defined());
    buffer.mark_changed();
    expect_copy();

    std::vector<ParameterRange> ranges;
    for (const auto& entry : buffer.parameters())
        ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), entry.name.starts_with("first") ? 1 : 0});
    Optimizer optimizer(buffer.values(), buffer.gradients(), ranges, {{}, {.name = "frozen", .frozen = true}},
                        {.rule = Adam{}, .ema_decay = 0.9});
    const auto step = [&] {
        backend(buffer.gradients()).fill(buffer.gradients(), 0.25);
        optimizer.step(0.1);
    };
    step();
    expect_copy();
    optimizer.swap_ema();
    CHECK_FALSE(buffer.parameters()[0].tensor().rounded().defined());
    buffer.mark_changed();
    expect_copy();
    optimizer.swap_ema();
    step();  // nobody said that the parameters are back: the step brings all of the copy up to date
    expect_copy();
}

TEST_CASE("a head with more channels gives the same loss and gradients, and keeps zeros beyond its own") {
    constexpr int classes = 11;
    for (const Device device : testing::computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            CAPTURE(testing::run_name(dtype, device));
            const Tensor x = testing::converted(testing::uniform({2, 16, 16, 3}, 1), dtype, device);
            const Tensor labels = testing::random_labels({2, 16, 16}, classes, 2, 255, device);
            struct Result {
                std::vector<double> gradients, values;
                double loss;
                std::int64_t channels, evaluated;
            };
            const auto train = [&](bool padded) {
                const auto net = nets::make_unet({.classes = classes, .width = 4, .depth = 2, .dropout = 0});
                nn::ParameterBuffer buffer(*net, {.device = device, .seed = 1, .padded_heads = padded});
                std::vector<ParameterRange> ranges;
                for (const auto& entry : buffer.parameters())
                    ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), 0});
                Optimizer optimizer(buffer.values(), buffer.gradients(), ranges, {{.weight_decay = 0.1}},
                                    {.rule = Adam{}});
                Result result{};
                for (int i = 0; i < 2; ++i) {
                    buffer.zero_grad();
                    const Tensor logits = net->forward(x);
                    result.channels = logits.dim(3);
                    const Tensor loss =
                        ops::segmentation_loss(
                            logits, labels, {.cross_entropy = 1, .dice = 0.5, .classes = classes, .ignore_index = 255})
                            .loss;
                    result.loss = loss.item();
                    backward(loss);
                    buffer.complete_gradients();
                    if (i == 0) optimizer.step(1e-3);
                }
                for (const auto& entry : buffer.parameters()) {
                    for (const double g : values_of(entry.tensor().grad())) result.gradients.push_back(g);
                    for (const double v : values_of(entry.tensor())) result.values.push_back(v);
                }
                if (padded) {
                    const auto all = values_of(buffer.find("head.weight")->leaf());
                    REQUIRE(all.size() == 16 * 4);
                    for (std::size_t i = classes * 4; i < all.size(); ++i) CHECK(all[i] == 0);
                }
                const NoGrad no_grad;
                net->eval();
                result.evaluated = net->forward(x).dim(3);
                return result;
            };
            const Result expected = train(false), actual = train(true);
            CHECK(expected.channels == classes);
            CHECK(actual.channels == 16);
            CHECK(actual.evaluated == classes);
            const double tolerance = dtype == Dtype::f32 ? 1e-5 : 2e-2;
            CHECK(actual.loss == doctest::Approx(expected.loss).epsilon(tolerance));
            REQUIRE(actual.gradients.size() == expected.gradients.size());
            double worst = 0, largest = 0, moved = 0;
            for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
                worst = std::max(worst, std::abs(actual.gradients[i] - expected.gradients[i]));
                largest = std::max(largest, std::abs(expected.gradients[i]));
                moved = std::max(moved, std::abs(actual.values[i] - expected.values[i]));
            }
            CHECK(worst <= tolerance * largest);
            CHECK(moved <= 4e-3);  // Adam turns rounding in gradients near zero into whole steps
        }
    }
}
