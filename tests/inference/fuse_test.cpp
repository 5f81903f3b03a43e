#include "inference/fuse.h"

#include <camber/layers.h>
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "networks.h"

using namespace camber;
using testing::Evaluated;

namespace {

/// How many steps are what: convolutions, and the primitives that are left.
std::map<std::string, int> kinds(const std::string& net,
                                 const nlohmann::json& options = {{"width", 16}, {"classes", 5}}) {
    const Evaluated network(net, options);
    std::map<std::string, int> result;
    for (const inference::Step& step :
         inference::fuse(inference::trace(*network.net, {1, 64, 64, 3}, Dtype::f32), backend(Device::cpu))) {
        const auto* const call = std::get_if<inference::Call>(&step);
        ++result[call ? call->name : "convolution"];
    }
    return result;
}

using Kinds = std::map<std::string, int>;

}  // namespace

TEST_CASE("a U-Net is its convolutions and no more") {
    CHECK(kinds("unet") == Kinds{{"convolution", 23}});
    CHECK(kinds("unet", {{"batch_norm", false}, {"width", 16}}) == Kinds{{"convolution", 23}});
}

TEST_CASE("of published networks few other steps are left") {
    const nlohmann::json full = {{"classes", 5}};
    CHECK(kinds("smp-unet-vgg16-bn", full) == Kinds{{"convolution", 26}, {"resize", 1}, {"copy_channels", 1}});
    CHECK(kinds("smp-unet-resnet34", full) ==
          Kinds{{"convolution", 47}, {"max_pool2d", 1}, {"resize", 1}, {"copy_channels", 1}});
    CHECK(kinds("deeplabv3-resnet50") ==
          Kinds{{"convolution", 61}, {"max_pool2d", 1}, {"avg_pool2d", 1}, {"resize", 2}, {"copy_channels", 1}});
}

namespace {

/// A convolution whose output is used twice.
class Forked : public nn::Module {
  public:
    explicit Forked(bool normalised)
        : conv_(add<nn::Conv2d>("conv", nn::Conv2dOptions{.in = 3, .out = 16})),
          norm_(add<nn::BatchNorm2d>("norm", 16, nn::pytorch_batch_norm(true))),
          normalised_(normalised) {}
    Tensor forward(const Tensor& x) override {
        const Tensor y = conv_.forward(x);
        return nn::add(normalised_ ? norm_.forward(y) : nn::relu(y), y);
    }

  private:
    nn::Conv2d& conv_;
    nn::BatchNorm2d& norm_;
    bool normalised_;
};

}  // namespace

TEST_CASE("what is wanted otherwise too is not made part of a convolution") {
    for (const bool normalised : {true, false}) {
        Forked net(normalised);
        const nn::ParameterBuffer parameters(net, {.gradients = false});
        net.eval();
        inference::Network programs;
        const Tensor x = testing::converted(testing::uniform({1, 12, 12, 3}, 5), Dtype::f32, Device::cpu);
        const NoGrad no_grad;
        CHECK(testing::relative_error(programs.forward(net, x), net.forward(x)) < 1e-5);
        CHECK(programs.why_not().empty());
        CHECK(inference::fuse(inference::trace(net, x.shape(), Dtype::f32), backend(Device::cpu)).size() == 3);
    }
}
