// What a program gives is what the layers give, for every network.
#include "inference/network.h"

#include <camber/layers.h>
#include <camber/ops.h>
#include <camber/optim.h>
#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "core/memory_limit.h"
#include "networks.h"
#include "support/devices.h"

using namespace camber;
using testing::Evaluated;

namespace {

struct Size {
    std::int64_t batch, height, width;
};

/// Some that the network takes, where it can also those that divide by nothing.
std::vector<Size> sizes(const nets::Net& net) {
    if (net.size_multiple() > 32) return {{2, net.size_multiple(), net.size_multiple()}};
    std::vector<Size> result = {{1, 64, 96}, {2, 96, 32}};
    if (net.size_multiple() == 1) {
        result.push_back({1, 61, 83});
        result.push_back({3, 45, 39});
    }
    return result;
}

/// The root of the mean of squares.
double rms(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum / static_cast<double>(values.size()));
}

double rms_difference(const Tensor& a, const Tensor& b) {
    std::vector<double> x = testing::values_of(a);
    const std::vector<double> y = testing::values_of(b);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= y[i];
    return rms(x);
}

}  // namespace

TEST_CASE("every network: a program's logits are the layers' to 1e-4 in f32") {
    for (const nets::NetInfo& info : nets::net_list()) {
        CAPTURE(info.name);
        const Evaluated network(info.name);
        inference::Network programs;
        for (const Size& size : sizes(*network.net)) {
            CAPTURE(size.height);
            const Tensor x = network.input(size.batch, size.height, size.width), expected = network.logits(x);
            const Tensor actual = programs.forward(*network.net, x);
            REQUIRE_MESSAGE(programs.why_not().empty(), programs.why_not());
            CHECK_MESSAGE(testing::relative_error(actual, expected) < 1e-4,
                          testing::describe_difference(actual, expected));
        }
    }
}

TEST_CASE("every network: in bf16 a program is about as near to f32 as the layers are") {
    for (const nets::NetInfo& info : nets::net_list()) {
        CAPTURE(info.name);
        const Evaluated network(info.name);
        inference::Network programs;
        const Size size = sizes(*network.net).front();
        const Tensor x = network.input(size.batch, size.height, size.width, Dtype::bf16);
        const Tensor exact = network.logits(testing::converted(x, Dtype::f32, Device::cpu));
        const Tensor actual = programs.forward(*network.net, x);
        REQUIRE_MESSAGE(programs.why_not().empty(), programs.why_not());
        const double layers = rms_difference(network.logits(x), exact), program = rms_difference(actual, exact),
                     scale = rms(testing::values_of(exact));
        CAPTURE(layers / scale);
        CAPTURE(program / scale);
        CHECK(program < 1.1 * layers + 0.005 * scale);
        CHECK(program < 0.06 * scale);
    }
}

TEST_CASE("deep layers of a few tiles") {
    const Evaluated network("smp-unet-resnet34", {{"classes", 5}});
    inference::Network programs;
    for (const Size& size : {Size{1, 128, 128}, Size{1, 256, 288}, Size{2, 128, 160}}) {
        const Tensor x = network.input(size.batch, size.height, size.width), expected = network.logits(x);
        const Tensor actual = programs.forward(*network.net, x);
        REQUIRE_MESSAGE(programs.why_not().empty(), programs.why_not());
        CHECK_MESSAGE(testing::relative_error(actual, expected) < 1e-4, testing::describe_difference(actual, expected));
    }
}

TEST_CASE("a U-Net that pads takes any size") {
    const Evaluated network("unet", {{"width", 16}, {"classes", 5}, {"size_policy", "pad"}});
    inference::Network programs;
    const Tensor x = network.input(1, 37, 51);
    CHECK(testing::relative_error(programs.forward(*network.net, x), network.logits(x)) < 1e-4);
    CHECK(programs.why_not().empty());
}

TEST_CASE("a size that the network refuses is refused in its words") {
    const Evaluated network("unet");
    inference::Network programs;
    const Tensor x = network.input(1, 37, 48);
    CHECK_THROWS_WITH_AS(programs.forward(*network.net, x), doctest::Contains("both must be multiples of 16"),
                         UsageError);
}

TEST_CASE("devices without kernels for inference have programs by their primitives") {
    const nlohmann::json options = {{"width", 4}, {"classes", 3}};
    for (const Device device : testing::computing_devices())
        for (const char* name : {"unet", "smp-unet-resnet34", "unet-resnet34"}) {
            CAPTURE(std::string(camber::name(device)));
            CAPTURE(std::string(name));
            const Evaluated network(name, options, device);
            inference::Network programs;
            const Tensor x = network.input(1, 32, 32);
            CHECK(testing::relative_error(programs.forward(*network.net, x), network.logits(x)) < 1e-4);
            CHECK_MESSAGE(programs.why_not().empty(), programs.why_not());
        }
}

TEST_CASE("on a GPU a program is recorded, and gives the layers' bits") {
    for (const Device device : testing::computing_devices()) {
        if (is_host(device)) continue;
        for (const char* name : {"unet", "smp-unet-resnet34", "dynamic-unet-resnet34"}) {
            CAPTURE(std::string(name));
            const Evaluated network(name, {{"width", 4}, {"classes", 3}}, device);
            inference::Network programs;
            std::vector<Tensor> results;
            for (int picture = 0; picture < 4; ++picture) {
                const Tensor x = network.input(1, 32, 32);
                Evaluated::fill(x, static_cast<std::uint64_t>(picture + 100), -1, 1);
                results.push_back(programs.forward(*network.net, x));
                CHECK(testing::values_of(results.back()) == testing::values_of(network.logits(x)));
                CHECK(programs.recorded() == (picture == 1 || picture == 2));
                if (picture == 2)  // made and recorded anew
                    Evaluated::fill(network.net->named_parameters().front().parameter->tensor, 99, -0.5, 0.5);
            }
            CHECK(testing::values_of(results[1]) != testing::values_of(results[2]));  // memory of their own
            CHECK_MESSAGE(programs.why_not().empty(), programs.why_not());
        }
    }
}

TEST_CASE("a program's logits on the CPU are the reference device's") {
    for (const char* name : {"unet", "smp-unet-resnet34"}) {
        CAPTURE(std::string(name));
        const nlohmann::json options = {{"width", 16}, {"classes", 9}};
        const Evaluated exact(name, options, Device::reference), network(name, options);
        inference::Network programs;
        for (const Size& size : {Size{1, 32, 48}, Size{1, 43, 37}}) {
            if (size.height % exact.net->size_multiple() != 0) continue;
            const Tensor actual = programs.forward(*network.net, network.input(size.batch, size.height, size.width));
            const Tensor expected = exact.logits(exact.input(size.batch, size.height, size.width));
            CHECK_MESSAGE(testing::relative_error(actual, expected) < 1e-4,
                          testing::describe_difference(actual, expected));
        }
    }
}

TEST_CASE("changed weights are noticed") {
    const Evaluated network("smp-unet-resnet34");
    inference::Network programs;
    const Tensor x = network.input(1, 64, 64);
    const auto check = [&](const char* what) {
        CAPTURE(std::string(what));
        const Tensor expected = network.logits(x);
        CHECK(testing::relative_error(programs.forward(*network.net, x), expected) < 1e-4);
        return expected.clone();
    };
    const Tensor before = check("as they were");
    Evaluated::fill(network.net->named_parameters().front().parameter->tensor, 99, -0.5, 0.5);
    const Tensor changed = check("a parameter");
    CHECK(testing::relative_error(changed, before) > 1e-2);

    network.net->train();
    ops::relu(network.net->forward(network.input(2, 64, 64)));  // running statistics alone
    network.net->eval();
    const Tensor learnt = check("running statistics");
    CHECK(testing::relative_error(learnt, changed) > 1e-3);

    const nn::ParameterBuffer elsewhere(*network.net, {.gradients = false});
    Evaluated::fill(network.net->named_parameters().front().parameter->tensor, 98, -0.5, 0.5);
    CHECK(testing::relative_error(check("another buffer"), learnt) > 1e-2);
}

TEST_CASE("a step of an optimizer is noticed") {
    const auto net = nets::make_net("unet", {{"width", 16}, {"classes", 3}, {"depth", 2}});
    nn::ParameterBuffer parameters(*net);
    Optimizer optimizer(parameters.values(), parameters.gradients(), {{"all", 0, parameters.values().shape()}});
    inference::Network programs;
    const Tensor x = testing::converted(testing::uniform({1, 32, 32, 3}, 3), Dtype::f32, Device::cpu);
    const Tensor labels = testing::random_labels({1, 32, 32}, 3, 4, -1, Device::cpu);
    for (int step = 0; step < 3; ++step) {
        net->train();
        parameters.zero_grad();
        backward(ops::segmentation_loss(net->forward(x), labels, {.cross_entropy = 1}).loss);
        optimizer.step(0.1);
        net->eval();
        const NoGrad no_grad;
        CHECK(testing::relative_error(programs.forward(*net, x), net->forward(x)) < 1e-4);
    }
}

TEST_CASE("where memory is short the layers do it") {
    const Evaluated network("unet", {{"width", 32}, {"classes", 5}});
    const Tensor x = network.input(1, 64, 64), expected = network.logits(x);
    DeviceMemory& memory = device_memory(Device::cpu);
    bool by_layers = false, by_program = false;
    for (std::int64_t room = 1 << 20; !by_program; room += room / 8) {
        memory.trim();
        const LimitScope limit(memory, static_cast<std::int64_t>(memory.stats().reserved) + room);
        inference::Network programs;
        try {
            const Tensor actual = programs.forward(*network.net, x);
            CHECK(testing::relative_error(actual, expected) < 1e-4);
            (programs.why_not().empty() ? by_program : by_layers) = true;
        } catch (const OutOfMemory&) {
            CHECK_FALSE(by_layers);
        }
    }
    CHECK(by_layers);
}

TEST_CASE("results stay when the next are made") {
    const Evaluated network("smp-unet-vgg16-bn");
    inference::Network programs;
    const Tensor a = network.input(1, 64, 64),
                 b = testing::converted(testing::uniform(a.shape(), 8), Dtype::f32, Device::cpu);
    const Tensor first = programs.forward(*network.net, a), second = programs.forward(*network.net, b);
    CHECK(testing::relative_error(first, network.logits(a)) < 1e-4);
    CHECK(testing::relative_error(second, network.logits(b)) < 1e-4);
    CHECK(testing::values_of(programs.forward(*network.net, a)) == testing::values_of(first));
}

TEST_CASE("two threads, each with a model of its own") {
    const auto work = [](const char* name, double& worst) {
        const Evaluated network(name);
        inference::Network programs;
        for (const std::int64_t width : {64, 32, 64, 96}) {
            const Tensor x = network.input(1, 64, width);
            worst = std::max(worst, testing::relative_error(programs.forward(*network.net, x), network.logits(x)));
        }
    };
    double errors[2] = {};
    std::thread other([&] { work("deeplabv3-resnet50", errors[1]); });
    work("unet", errors[0]);
    other.join();
    CHECK(errors[0] < 1e-4);
    CHECK(errors[1] < 1e-4);
}

namespace {

/// A layer that does what a trace cannot follow, before a convolution.
class Untraced : public nn::Module {
  public:
    explicit Untraced(bool looks)
        : conv_(add<nn::Conv2d>("conv", nn::Conv2dOptions{.in = 3, .out = 4})), looks_(looks) {}
    Tensor forward(const Tensor& x) override {
        const Tensor y = conv_.forward(x);
        if (looks_) return y.to_vector<float>().front() > 0 ? y : ops::relu(y);
        return ops::add(
            y, Tensor::from(std::vector<float>(static_cast<std::size_t>(y.numel()), 2.0f), y.shape(), y.device()));
    }

  private:
    nn::Conv2d& conv_;
    bool looks_;
};

}  // namespace

TEST_CASE("what cannot be traced goes through the layers") {
    for (const bool looks : {true, false}) {
        Untraced net(looks);
        const nn::ParameterBuffer parameters(net, {.gradients = false});
        net.eval();
        inference::Network programs;
        const Tensor x = testing::converted(testing::uniform({1, 9, 7, 3}, 5), Dtype::f32, Device::cpu);
        const Tensor y = programs.forward(net, x);
        CHECK_FALSE(programs.why_not().empty());
        CHECK(testing::values_of(y) == testing::values_of(net.forward(x)));
    }
}
