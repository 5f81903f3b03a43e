#include <camber/autograd.h>
#include <camber/layers.h>
#include <camber/parameter_buffer.h>
#include <doctest/doctest.h>

#include <cmath>

#include "support/compare.h"

using namespace camber;
using testing::values_of;

namespace {

nn::ParameterBuffer placed(nn::Module& module) {
    return nn::ParameterBuffer(module, {.device = Device::reference, .dtype = Dtype::f64, .seed = 3});
}

Tensor ramp(const Shape& shape) {
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i) + 1);
    return Tensor::from(values, shape, Device::reference);
}

Tensor on_meta(const Shape& shape) { return Tensor::empty(shape, Dtype::f32, Device::meta); }

}  // namespace

TEST_CASE("convolutions are 'same' unless padding is given") {
    nn::Conv2d same({.in = 2, .out = 3, .stride = 2});
    CHECK(same.forward(on_meta({1, 7, 8, 2})).shape() == Shape{1, 4, 4, 3});
    nn::Conv2d valid({.in = 2, .out = 3, .padding = Padding{}, .bias = false});
    CHECK(valid.forward(on_meta({1, 7, 8, 2})).shape() == Shape{1, 5, 6, 3});
    CHECK(valid.named_parameters().size() == 1);
    nn::Conv2d dilated({.in = 2, .out = 3, .dilation = 2});
    CHECK(dilated.forward(on_meta({1, 7, 8, 2})).shape() == Shape{1, 7, 8, 3});
    for (const int kernel : {2, 3, 4}) {
        nn::ConvTranspose2d up({.in = 2, .out = 3, .kernel_h = kernel, .kernel_w = kernel});
        CHECK(up.forward(on_meta({1, 5, 4, 2})).shape() == Shape{1, 10, 8, 3});
    }
}

TEST_CASE("batch normalisation uses the batch in training and what it gathered in evaluation") {
    nn::BatchNorm2d norm(2, {.eps = 0, .momentum = 1, .unbiased = false, .relu = false});
    const auto buffer = placed(norm);
    const Tensor x = ramp({2, 3, 3, 2});
    const auto trained = values_of(norm.forward(x));
    norm.eval();
    const auto evaluated = values_of(norm.forward(x));  // momentum 1: the running statistics are this batch's
    for (std::size_t i = 0; i < trained.size(); ++i) CHECK(evaluated[i] == doctest::Approx(trained[i]));
    clear_tape();
}

TEST_CASE("the libraries' batch normalisation defaults") {
    const BatchNormParams keras = nn::keras_batch_norm(), torch = nn::pytorch_batch_norm(true);
    CHECK(keras == BatchNormParams{.eps = 1e-3, .momentum = 0.01, .unbiased = false, .relu = false});
    CHECK(torch == BatchNormParams{.eps = 1e-5, .momentum = 0.1, .unbiased = true, .relu = true});
}

TEST_CASE("batch normalisation with ReLU is the two in turn") {
    nn::BatchNorm2d plain(2, nn::keras_batch_norm()), fused(2, nn::keras_batch_norm(true));
    const auto a = placed(plain), b = placed(fused);
    const Tensor x = ramp({1, 4, 4, 2});
    CHECK(testing::relative_error(fused.forward(x), nn::relu(plain.forward(x))) < 1e-14);
    clear_tape();
}

TEST_CASE("dropout: a new mask each time, the same one for the same step, none in evaluation") {
    nn::Sequential net;
    net.push<nn::Dropout>(0.5);
    net.push<nn::Dropout>(0.25);
    const Tensor x = Tensor::from(std::vector<double>(4096, 1.0), {1, 16, 16, 16}, Device::reference);
    net.context().begin(7);
    const auto first = values_of(net.forward(x)), second = values_of(net.forward(x));
    CHECK(first != second);
    net.context().begin(7);
    CHECK(values_of(net.forward(x)) == first);
    net.context().begin(8);
    CHECK(values_of(net.forward(x)) != first);
    double kept = 0;
    for (const double value : first) {
        CHECK((value == 0 || value == doctest::Approx(1 / (0.5 * 0.75))));
        kept += value != 0;
    }
    CHECK(kept / 4096 == doctest::Approx(0.375).epsilon(0.1));
    net.eval();
    CHECK(values_of(net.forward(x)) == values_of(x));
    CHECK_THROWS_WITH_AS(nn::Dropout(1.0), "the dropout rate must be at least 0 and below 1, not 1", UsageError);
}

TEST_CASE("layers of one operation give its shape") {
    const Tensor x = on_meta({2, 8, 6, 4});
    CHECK(nn::MaxPool2d().forward(x).shape() == Shape{2, 4, 3, 4});
    CHECK(nn::AvgPool2d().forward(x).shape() == Shape{2, 4, 3, 4});
    CHECK(nn::GlobalAvgPool().forward(x).shape() == Shape{2, 1, 1, 4});
    CHECK(nn::Upsample(2, ResizeMode::nearest).forward(x).shape() == Shape{2, 16, 12, 4});
    CHECK(nn::Softmax().forward(x).shape() == x.shape());
    CHECK(nn::Linear(4, 7).forward(x).shape() == Shape{2, 8, 6, 7});
    CHECK(nn::concat({x, x}).shape() == Shape{2, 8, 6, 8});
    CHECK(nn::pad2d(x, {1, 2, 0, -1}).shape() == Shape{2, 11, 5, 4});
}
