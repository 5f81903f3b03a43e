#include <camber/autograd.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "support/compare.h"
#include "support/errors.h"

using namespace camber;
using nets::UnetOptions;

namespace {

std::int64_t count(const std::vector<nn::NamedParameter>& parameters) {
    std::int64_t total = 0;
    for (const auto& [name, parameter] : parameters) total += parameter->tensor.numel();
    return total;
}

Shape output_of(const UnetOptions& options, const Shape& input) {
    return nets::make_unet(options)->forward(Tensor::empty(input, Dtype::f32, Device::meta)).shape();
}

Tensor image(const Shape& shape) {
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.7 * static_cast<double>(i * i % 1013));
    return Tensor::from(values, shape, Device::reference);
}

Tensor labels(const Shape& shape, int classes) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<std::uint8_t>(i * 7 / 3 % static_cast<std::size_t>(classes));
    }
    return Tensor::from(values, shape, Device::reference);
}

}  // namespace

TEST_CASE("unet: parameter names") {
    std::vector<std::string> expected, expected_buffers;
    const auto block = [&](const std::string& prefix) {
        for (const char* index : {"1", "2"}) {
            for (const char* kind : {"conv", "bn"}) {
                for (const char* what : {"weight", "bias"}) expected.push_back(prefix + kind + index + "." + what);
            }
            for (const char* what : {"running_mean", "running_var"}) {
                expected_buffers.push_back(prefix + "bn" + index + "." + what);
            }
        }
    };
    for (int i = 0; i < 4; ++i) block("encoder." + std::to_string(i) + ".");
    block("bottleneck.");
    for (int i = 0; i < 4; ++i) {
        const std::string prefix = "decoder." + std::to_string(i) + ".";
        expected.push_back(prefix + "up.weight");
        expected.push_back(prefix + "up.bias");
        block(prefix);
    }
    expected.push_back("head.weight");
    expected.push_back("head.bias");

    const auto net = nets::make_unet();
    std::vector<std::string> names, buffers;
    for (const auto& [name, parameter] : net->named_parameters()) names.push_back(name);
    for (const auto& [name, parameter] : net->named_buffers()) buffers.push_back(name);
    CHECK(names == expected);
    CHECK(buffers == expected_buffers);
}

TEST_CASE("unet: parameter shapes") {
    std::map<std::string, Shape> shapes;
    const auto net = nets::make_unet({.classes = 11, .width = 16, .up_kernel = 3});
    for (const auto& [name, parameter] : net->named_parameters()) shapes[name] = parameter->tensor.shape();
    CHECK(shapes.at("encoder.0.conv1.weight") == Shape{16, 3, 3, 3});
    CHECK(shapes.at("bottleneck.conv1.weight") == Shape{256, 3, 3, 128});
    CHECK(shapes.at("decoder.0.up.weight") == Shape{256, 3, 3, 128});  // [Cin, Kh, Kw, Cout]
    CHECK(shapes.at("decoder.0.conv1.weight") == Shape{128, 3, 3, 256});
    CHECK(shapes.at("head.weight") == Shape{11, 1, 1, 16});
}

TEST_CASE("unet: parameter counts") {
    const auto plain = nets::make_unet({.classes = 1, .batch_norm = false});
    CHECK(count(plain->named_parameters()) == 31055232 - 4 * 5888 + 65);
    const auto net = nets::make_unet({.classes = 3});
    CHECK(count(net->named_parameters()) + count(net->named_buffers()) == 31055427);
    CHECK(count(net->named_buffers()) == 11776);
    const auto large = nets::make_unet({.classes = 3, .up_kernel = 3, .head_kernel = 3});
    CHECK(count(large->named_parameters()) + count(large->named_buffers()) == 34538563);
}

TEST_CASE("unet: logits have the input's size") {
    CHECK(output_of({.classes = 5}, {2, 64, 96, 3}) == Shape{2, 64, 96, 5});
    CHECK(output_of({.in_channels = 1, .classes = 2, .width = 4, .up_kernel = 3, .head_kernel = 3}, {1, 16, 16, 1}) ==
          Shape{1, 16, 16, 2});
    CHECK(output_of({.depth = 2}, {1, 12, 8, 3}) == Shape{1, 12, 8, 11});
    CHECK(nets::make_unet({.depth = 2})->size_multiple() == 4);
}

TEST_CASE("unet: sizes that do not fit") {
    CHECK_THROWS_WITH_AS(output_of({}, {1, 250, 256, 3}),
                         "unet: an input 250 high and 256 wide does not fit: both must be multiples of 16 (height 240 "
                         "or 256, width 256); a network with --size-policy pad takes any size",
                         UsageError);
    CHECK_THROWS_WITH_AS(output_of({}, {1, 7, 40, 3}),
                         "unet: an input 7 high and 40 wide does not fit: both must be multiples of 16 (height 16, "
                         "width 32 or 48); a network with --size-policy pad takes any size",
                         UsageError);
    CHECK(output_of({.size_policy = nets::SizePolicy::pad}, {1, 250, 37, 3}) == Shape{1, 250, 37, 11});
    CHECK_THROWS_WITH_AS(output_of({}, {1, 32, 32, 4}),
                         "unet: the input is [1, 32, 32, 4], this network takes [N, H, W, 3]", Error);
}

TEST_CASE("unet: padding is zeros at the bottom and right, cropped from the logits") {
    const UnetOptions options{.classes = 3, .width = 2, .depth = 2, .size_policy = nets::SizePolicy::pad};
    const auto net = nets::make_unet(options);
    const nn::ParameterBuffer buffer(*net, {.device = Device::reference, .dtype = Dtype::f64, .gradients = false});
    net->eval();
    const Tensor x = image({1, 6, 7, 3});
    const Tensor expected = ops::pad2d(net->forward(ops::pad2d(x, {0, 2, 0, 1})), {0, -2, 0, -1});
    CHECK(testing::relative_error(net->forward(x), expected) == 0);
}

TEST_CASE("unet: dropout acts in training only, and rate 0 not at all") {
    const Tensor x = image({1, 8, 8, 3});
    const auto logits = [&x](double rate, bool training) {
        const auto net = nets::make_unet({.classes = 2, .width = 4, .depth = 2, .dropout = rate});
        const nn::ParameterBuffer buffer(*net, {.device = Device::reference, .gradients = false});
        net->train(training);
        return testing::values_of(net->forward(testing::converted(x, Dtype::f32, Device::reference)));
    };
    CHECK(logits(0.5, false) == logits(0, false));
    CHECK(logits(0.5, true) != logits(0, true));
}

TEST_CASE("unet: gradients agree with central differences") {
    for (const bool batch_norm : {true, false}) {
        CAPTURE(batch_norm);
        const auto net = nets::make_unet({.classes = 3,
                                          .width = 2,
                                          .depth = 2,
                                          .batch_norm = batch_norm,
                                          .dropout = 0.25,
                                          .up_kernel = 3,
                                          .head_kernel = 3,
                                          .init = "he_normal"});
        nn::ParameterBuffer buffer(*net, {.device = Device::reference, .dtype = Dtype::f64, .seed = 5});
        const Tensor x = image({2, 8, 8, 3}), truth = labels({2, 8, 8}, 3);
        const auto loss = [&] {
            net->context().begin(3);  // the same dropout masks every time
            return ops::segmentation_loss(net->forward(x), truth, {.cross_entropy = 1}).loss;
        };
        backward(loss());
        buffer.complete_gradients();
        const auto gradients = testing::values_of(buffer.gradients());
        const NoGrad no_grad;
        auto* values = buffer.values().data<double>();
        for (const auto& entry : buffer.parameters()) {
            CAPTURE(entry.name);
            for (const auto i : {entry.begin, (entry.begin + entry.end) / 2, entry.end - 1}) {
                const double before = values[i], eps = 1e-6;
                values[i] = before + eps;
                const double above = loss().item();
                values[i] = before - eps;
                const double below = loss().item();
                values[i] = before;
                const double numeric = (above - below) / (2 * eps);
                CHECK(std::abs(gradients[static_cast<std::size_t>(i)] - numeric) < 1e-7);
            }
        }
    }
}

TEST_CASE("unet: style sets batch normalisation and initial values") {
    const auto bias_of = [](nets::Style style) {
        const auto net = nets::make_unet({.width = 2, .depth = 1, .style = style});
        const nn::ParameterBuffer buffer(*net, {.device = Device::reference});
        return testing::values_of(buffer.find("encoder.0.conv1.bias")->tensor());
    };
    CHECK(bias_of(nets::Style::keras) == std::vector<double>{0, 0});
    const auto torch = bias_of(nets::Style::pytorch);
    CHECK(torch[0] != 0);
    CHECK(std::abs(torch[0]) <= 1 / std::sqrt(27.0));
    const auto momentum_of = [](nets::Style style) {
        const auto net = nets::make_unet({.width = 2, .style = style});
        for (const auto& [path, module] : net->named_modules()) {
            if (const auto* norm = dynamic_cast<nn::BatchNorm2d*>(module)) return norm->params().momentum;
        }
        return 0.0;
    };
    CHECK(momentum_of(nets::Style::keras) == 0.01);
    CHECK(momentum_of(nets::Style::pytorch) == 0.1);
}

TEST_CASE("unet: options go to JSON and back") {
    const UnetOptions options{.in_channels = 4,
                              .classes = 32,
                              .width = 16,
                              .depth = 3,
                              .batch_norm = false,
                              .dropout = 0.3,
                              .up_kernel = 3,
                              .head_kernel = 3,
                              .style = nets::Style::pytorch,
                              .init = "he_normal",
                              .size_policy = nets::SizePolicy::pad};
    const nlohmann::json json = nets::to_json(options);
    CHECK(nets::to_json(nets::unet_options(json)) == json);
    CHECK(nets::make_net("unet", json)->options() == json);
    CHECK(json.at("style") == "pytorch");
}

TEST_CASE("unet: wrong options are named with the choices") {
    const auto message = [](const nlohmann::json& json) -> std::string {
        try {
            nets::unet_options(json);
        } catch (const UsageError& error) {
            return error.what();
        }
        return "no error";
    };
    CHECK(message({{"up_kernel", 4}}) == "unet: option up_kernel (--up-kernel) cannot be 4: it takes 2 or 3");
    CHECK(message({{"classes", 0}}) == "unet: option classes cannot be 0: it takes a whole number from 1 to 255");
    CHECK(message({{"classes", 1.5}}) == "unet: option classes cannot be 1.5: it takes a whole number from 1 to 255");
    CHECK(message({{"dropout", 1}}) == "unet: option dropout cannot be 1: it takes a number of at least 0 and below 1");
    CHECK(message({{"batch_norm", "yes"}}) ==
          "unet: option batch_norm (--batch-norm) cannot be \"yes\": it takes true or false");
    CHECK(message({{"style", "tf"}}) == "unet: option style cannot be \"tf\": it takes keras, pytorch");
    CHECK(message({{"widht", 16}}) ==
          "unet: unknown option 'widht' (did you mean 'width'?); it has batch_norm, classes, depth, dropout, "
          "head_kernel, in_channels, init, input, size_policy, style, up_kernel, width");
    CHECK(message(3) == "unet: options must be a JSON object, not 3");
    CHECK_THROWS_AS(nets::make_unet({.up_kernel = 5}), UsageError);
}

TEST_CASE("the registry knows its networks and their options") {
    CHECK(
        testing::mentions(testing::error_of([] { nets::make_net("unett"); }),
                          {"unknown network 'unett' (did you mean 'unet'?): unet, unet-resnet34, ", ", keras-vgg16"}));
    for (const auto& info : nets::net_list()) {
        CAPTURE(info.name);
        CHECK_FALSE(info.description.empty());
        nlohmann::json defaults = nlohmann::json::object();
        for (const auto& option : info.options) {
            defaults[option.name] = option.value;
            CHECK_FALSE(option.help.empty());
        }
        CHECK(nets::make_net(info.name)->options() == defaults);
        CHECK(nets::make_net(info.name)->name() == info.name);
    }
}
