#include <camber/autograd.h>
#include <camber/nn.h>
#include <doctest/doctest.h>

#include "support/compare.h"

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
