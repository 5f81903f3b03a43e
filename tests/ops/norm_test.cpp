#include <doctest/doctest.h>

#include <camber/ops.h>

#include <cmath>

#include "support/autograd.h"
#include "support/compare.h"
#include "support/devices.h"
#include "support/errors.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// The per-channel tensors of a batch normalisation and where a backward step puts gradients.
struct Norm {
    Tensor gamma, beta, running_mean, running_var, mean, invstd, dgamma, dbeta;

    Norm(std::int64_t channels, Device device) {
        const auto make = [&](std::uint64_t seed, float low, float high) {
            return converted(uniform({channels}, seed, low, high), Dtype::f32, device);
        };
        gamma = make(1, 0.5f, 1.5f), beta = make(2, -1, 1), running_mean = make(3, -1, 1);
        running_var = make(4, 0.5f, 1.5f);
        for (Tensor* tensor : {&mean, &invstd, &dgamma, &dbeta})
            *tensor = Tensor::zeros({channels}, Dtype::f32, device);
    }
};

}  // namespace

TEST_CASE("running variance takes the unbiased or the batch's own variance; of one value both are 0") {
    for (const Device device : computing_devices()) {
        for (const bool unbiased : {true, false}) {
            CAPTURE(run_name(Dtype::f32, device));
            CAPTURE(unbiased);
            const auto running_after = [&](const std::vector<float>& values) {
                const Tensor one = Tensor::from(std::vector<float>{1}, {1}, device),
                             zero = Tensor::zeros({1}, Dtype::f32, device);
                const Tensor mean = zero.clone(), variance = one.clone();
                const Tensor x = Tensor::from(values, {static_cast<std::int64_t>(values.size()), 1, 1, 1}, device);
                ops::batch_norm(x, {one, zero, mean, variance}, true, {.momentum = 0.25, .unbiased = unbiased});
                return std::pair{mean.item(), variance.item()};
            };
            // 1, 3, 5: mean 3, variance 8 / 3, unbiased 4.
            CHECK(running_after({1, 3, 5}).first == doctest::Approx(0.25 * 3));
            CHECK(running_after({1, 3, 5}).second == doctest::Approx(0.75 + 0.25 * (unbiased ? 4 : 8 / 3.0)));
            CHECK(running_after({6}).first == doctest::Approx(0.25 * 6));
            CHECK(running_after({6}).second == doctest::Approx(0.75));
        }
    }
}

TEST_CASE("inference leaves the running statistics alone") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Norm n(3, device);
        const auto mean = values_of(n.running_mean), variance = values_of(n.running_var);
        ops::batch_norm(converted(uniform({2, 3, 4, 3}, 5), Dtype::f32, device),
                        {n.gamma, n.beta, n.running_mean, n.running_var}, false);
        CHECK(values_of(n.running_mean) == mean);
        CHECK(values_of(n.running_var) == variance);
    }
}

TEST_CASE("batch_norm's backward steps may write dx over dy") {
    for (const Device device : computing_devices()) {
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            for (const bool relu : {false, true}) {
                CAPTURE(run_name(dtype, device));
                CAPTURE(relu);
                const Norm n(17, device);
                const Shape shape{2, 5, 7, 17};
                const BatchNormParams p{.relu = relu};
                const Tensor x = converted(uniform(shape, 5), dtype, device), y = Tensor::empty(shape, dtype, device);
                Backend& primitives = backend(device);
                primitives.batch_norm_train(x, {}, n.gamma, n.beta, {}, n.running_mean, n.running_var, {y}, {}, n.mean,
                                            n.invstd, p);
                const auto check = [&](auto backward_step) {
                    const Tensor dy = converted(uniform(shape, 6), dtype, device),
                                 dx = Tensor::empty(shape, dtype, device);
                    backward_step(dy, dx);
                    const auto dgamma = values_of(n.dgamma), dbeta = values_of(n.dbeta);
                    backward_step(dy, dy);
                    CHECK(values_of(dy) == values_of(dx));
                    CHECK(values_of(n.dgamma) == dgamma);
                    CHECK(values_of(n.dbeta) == dbeta);
                };
                check([&](const Tensor& dy, const Tensor& dx) {
                    primitives.batch_norm_backward(x, {}, {dy}, {}, n.gamma, n.beta, n.mean, n.invstd, dx, {}, n.dgamma,
                                                   n.dbeta, p);
                });
                check([&](const Tensor& dy, const Tensor& dx) {
                    primitives.batch_norm_inference_backward(x, {}, dy, n.gamma, n.beta, n.running_mean, n.running_var,
                                                             dx, {}, n.dgamma, n.dbeta, p);
                });
            }
        }
    }
}

TEST_CASE("batch_norm_inference_backward without dx still gives the parameters' gradients") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Norm n(3, device);
        const Shape shape{2, 5, 7, 3};
        const Tensor x = converted(uniform(shape, 5), Dtype::f32, device);
        const Tensor dy = converted(uniform(shape, 6), Dtype::f32, device),
                     dx = Tensor::empty(shape, Dtype::f32, device);
        const auto gradients = [&](const Tensor& target) {
            backend(device).batch_norm_inference_backward(x, {}, dy, n.gamma, n.beta, n.running_mean, n.running_var,
                                                          target, {}, n.dgamma, n.dbeta, {});
            return std::pair{values_of(n.dgamma), values_of(n.dbeta)};
        };
        const auto expected = gradients(dx);
        backend(device).fill(n.dgamma, 0);
        CHECK(gradients({}) == expected);
    }
}

TEST_CASE("batch_norm_max_pool is batch_norm and max_pool2d, whoever uses the two") {
    for (const Device device : computing_devices()) {
        for (const bool training : {true, false}) {
            for (const int users : {1, 2, 3, 7}) {  // bits: of y by itself, of the maxima, of y in a concatenation
                CAPTURE(run_name(Dtype::f32, device));
                CAPTURE(training);
                CAPTURE(users);
                const Shape shape{2, 6, 7, 24};
                const auto evaluate = [&](bool fused) {
                    const Norm n(24, device);
                    const auto leaf_of = [&](const Tensor& t) { return leaf(converted(t, Dtype::f32, device)); };
                    const Tensor x = leaf_of(clear_maxima(shape, 5)), gamma = leaf_of(uniform({24}, 7, 0.5f, 2)),
                                 beta = leaf_of(uniform({24}, 8));
                    const ops::BatchNormTensors tensors = {gamma, beta, n.running_mean, n.running_var};
                    Tensor y, pooled;
                    if (fused) {
                        const auto out = ops::batch_norm_max_pool(x, tensors, training, {.relu = true});
                        y = out.y();
                        pooled = out.pooled;
                    } else {
                        y = ops::batch_norm(x, tensors, training, {.relu = true});
                        pooled = ops::max_pool2d(y);
                    }
                    std::vector<Tensor> used;
                    if (users & 1) used.push_back(ops::scale(y, 0.5));
                    if (users & 2) used.push_back(ops::resize(pooled, 6, 7, ResizeMode::nearest));
                    if (users & 4) used.push_back(ops::scale(ops::concat({y, x}), 2));
                    const Tensor all = ops::concat(used);
                    backward_from(all, converted(uniform(all.shape(), 13), Dtype::f32, device));
                    return std::vector<Tensor>{y,           pooled,         x.grad(),     gamma.grad(),
                                               beta.grad(), n.running_mean, n.running_var};
                };
                const auto expected = evaluate(false), actual = evaluate(true);
                for (std::size_t i = 0; i < expected.size(); ++i) CHECK(relative_error(actual[i], expected[i]) < 2e-6);
            }
        }
    }
}

TEST_CASE("concat_into is concat, whether the features have room or not, and whoever uses their maxima") {
    for (const Device device : computing_devices()) {
        for (const bool training : {true, false}) {
            for (const bool wanted : {true, false}) {  // gradients
                for (const bool pools : {true, false}) {
                    CAPTURE(run_name(Dtype::f32, device));
                    CAPTURE(training);
                    CAPTURE(wanted);
                    CAPTURE(pools);
                    const auto evaluate = [&](bool into) {
                        const Norm n(24, device);
                        const auto input = [&](const Tensor& t) {
                            Tensor x = converted(t, Dtype::f32, device);
                            return x.set_requires_grad(wanted);
                        };
                        const Tensor x = input(clear_maxima({2, 6, 7, 24}, 5)),
                                     gamma = input(uniform({24}, 7, 0.5f, 2)), beta = input(uniform({24}, 8)),
                                     part = input(uniform({2, 6, 7, 40}, 9));
                        ops::NormalisedAndPooled features = ops::batch_norm_max_pool(
                            x, {gamma, beta, n.running_mean, n.running_var}, training, {.relu = true}, into ? 40 : 0);
                        // Constant statistics have a backward step of their own, and y is a tensor of its own.
                        const std::string error = error_of([&] { features.y(); });
                        CHECK((error == "") == (!into || (!training && wanted)));
                        const Tensor pooled = features.pooled;
                        Tensor all =
                            into ? ops::concat_into(part, std::move(features)) : ops::concat({part, features.y()});
                        if (pools) all = ops::concat({all, ops::resize(pooled, 6, 7, ResizeMode::nearest)});
                        std::vector<Tensor> result = {all, n.running_mean, n.running_var};
                        if (wanted) {
                            backward_from(all, converted(uniform(all.shape(), 13), Dtype::f32, device));
                            for (const Tensor& t : {x, gamma, beta, part}) result.push_back(t.grad());
                        }
                        return result;
                    };
                    const auto expected = evaluate(false), actual = evaluate(true);
                    for (std::size_t i = 0; i < expected.size(); ++i) {
                        CAPTURE(i);
                        CHECK(relative_error(actual[i], expected[i]) < 2e-6);
                    }
                }
            }
        }
    }
}

TEST_CASE("features with room are for one part of that many channels") {
    const Norm n(3, Device::cpu);
    const auto zeros = [](std::int64_t size, std::int64_t c) {
        return Tensor::zeros({1, size, size, c}, Dtype::f32, Device::cpu);
    };
    Tensor gamma = n.gamma.detach();
    const auto features = [&](bool training, std::int64_t room, std::int64_t size = 2) {
        return ops::batch_norm_max_pool(zeros(size, 3), {gamma, n.beta, n.running_mean, n.running_var}, training, {},
                                        room);
    };
    const auto says = [](const std::string& error, const char* what) {
        CAPTURE(error);
        CHECK(error.find(what) != std::string::npos);
    };
    gamma.set_requires_grad(true);  // then y is a tensor of its own in evaluation
    for (const bool training : {true, false}) {
        CAPTURE(training);
        says(error_of([&] { ops::concat_into(zeros(2, 4), features(training, 5)); }), "the part");
        says(error_of([&] { ops::concat_into(zeros(4, 5), features(training, 5)); }), "the part");
        CHECK(ops::concat_into(zeros(2, 5), features(training, 5)).dim(3) == 8);
        ops::NormalisedAndPooled once = features(training, 5);
        ops::concat_into(zeros(2, 5), std::move(once));
        says(error_of([&] { ops::concat_into(zeros(2, 5), std::move(once)); }), "in a concatenation already");
    }
    says(error_of([&] { features(true, 5).y(); }), "room for 5 channels");
    says(error_of([&] { features(true, -1); }), "room for -1 channels");
    says(error_of([&] { features(true, 0, 1); }), "no windows of 2x2");
}

TEST_CASE("a bias left out before batch normalisation changes the running mean and nothing else") {
    for (const Device device : computing_devices()) {
        CAPTURE(run_name(Dtype::f32, device));
        const Shape shape{2, 5, 7, 17};
        const auto evaluate = [&](bool left_out) {
            const Norm n(17, device);
            const Tensor bias = converted(uniform({17}, 9), Dtype::f32, device);
            const Tensor w = leaf(converted(uniform({17, 3, 3, 3}, 6), Dtype::f32, device)),
                         x = converted(uniform({2, 5, 7, 3}, 5), Dtype::f32, device);
            const Tensor y = ops::conv2d(x, w, left_out ? Tensor() : bias, {.padding = ops::symmetric_padding(1)});
            ops::BatchNormTensors tensors = {n.gamma, n.beta, n.running_mean, n.running_var};
            if (left_out) tensors.offset = bias;
            const Tensor z = ops::batch_norm(y, tensors, true, {.relu = true});
            backward_from(z, converted(uniform(shape, 11), Dtype::f32, device));
            return std::vector<Tensor>{z, w.grad(), n.running_mean, n.running_var};
        };
        const auto expected = evaluate(false), actual = evaluate(true);
        for (std::size_t i = 0; i < expected.size(); ++i) CHECK(relative_error(actual[i], expected[i]) < 2e-6);
    }
}

TEST_CASE("a residual fused into batch_norm is an addition and ReLU after it") {
    for (const Device device : computing_devices()) {
        for (const bool training : {true, false}) {
            for (const bool relu : {false, true}) {
                // Wanted gradients: of x and residual, of one of them, and of neither but the parameters.
                for (const int wanted : {3, 2, 1, 0}) {
                    CAPTURE(run_name(Dtype::f32, device));
                    CAPTURE(training);
                    CAPTURE(relu);
                    CAPTURE(wanted);
                    const Shape shape{2, 5, 7, 17};
                    const auto leaf = [&](const Shape& s, std::uint64_t seed, bool needs) {
                        Tensor t = converted(uniform(s, seed), Dtype::f32, device);
                        t.set_requires_grad(needs);
                        return t;
                    };
                    const auto evaluate = [&](bool fused) {
                        const Norm n(17, device);
                        const Tensor x = leaf(shape, 5, wanted & 1), residual = leaf(shape, 6, wanted & 2),
                                     gamma = leaf({17}, 7, true), beta = leaf({17}, 8, true);
                        const auto normalise = [&](const BatchNormParams& p, const Tensor& added) {
                            return ops::batch_norm(x, {gamma, beta, n.running_mean, n.running_var}, training, p, added);
                        };
                        Tensor y;
                        if (fused) {
                            y = normalise({.relu = relu}, residual);
                        } else {
                            y = ops::add(normalise({}, {}), residual);
                            if (relu) y = ops::relu(y);
                        }
                        backward_from(y, converted(uniform(shape, 9), Dtype::f32, device));
                        std::vector<Tensor> results = {y, gamma.grad(), beta.grad()};
                        if (wanted & 1) results.push_back(x.grad());
                        if (wanted & 2) results.push_back(residual.grad());
                        return results;
                    };
                    const auto expected = evaluate(false), actual = evaluate(true);
                    for (std::size_t i = 0; i < expected.size(); ++i)
                        CHECK(relative_error(actual[i], expected[i]) < 1e-6);
                }
            }
        }
    }
}
