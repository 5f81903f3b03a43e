#include <doctest/doctest.h>

#include <cstring>

#include "backend/primitive.h"
#include "support/compare.h"
#include "support/random.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// Inputs x, gamma, beta, two per-channel statistics, dy, a residual, and the y of a step with one.
std::vector<Input> inputs(const Shape& shape, float low = -1, float high = 1) {
    const Shape channels{shape.back()};
    return {activation(uniform(shape, 1, low, high)),
            parameter(uniform(channels, 2, 0.5f, 2)),
            parameter(uniform(channels, 3)),
            parameter(uniform(channels, 4)),
            parameter(uniform(channels, 5, 0.5f, 2)),
            activation(uniform(shape, 6)),
            activation(uniform(shape, 7)),
            activation(uniform(shape, 8))};
}

void check_norm(const Shape& shape, const BatchNormParams& p, float low = -1, float high = 1,
                double f32_tolerance = 1e-5) {
    const Shape channels{shape.back()};
    const auto name = [&](const char* primitive) {
        return fmt::format("{} {}{}", primitive, shape.str(), p.relu ? " with ReLU" : "");
    };
    const auto in = inputs(shape, low, high);
    check({.name = name("batch_norm_train"),
           .inputs = in,
           .outputs = {{"y", shape},
                       {"mean", channels, Kind::parameter},
                       {"invstd", channels, Kind::parameter},
                       {"running_mean", channels, Kind::parameter},
                       {"running_var", channels, Kind::parameter}},
           .run =
               [=](Backend& b, auto& i, auto& o) {
                   o[3].copy_from(i[3]);
                   o[4].copy_from(i[4]);
                   b.batch_norm_train(i[0], {}, i[1], i[2], {}, o[3], o[4], {o[0]}, {}, o[1], o[2], p);
               },
           .f32_tolerance = f32_tolerance});
    check({.name = name("batch_norm_inference"),
           .inputs = in,
           .outputs = {{"y", shape}},
           .run = [=](Backend& b, auto& i, auto& o) {
               b.batch_norm_inference(i[0], {}, i[1], i[2], i[3], i[4], {o[0]}, {}, p);
           }});
    const std::vector<Output> gradients = {
        {"dx", shape}, {"dgamma", channels, Kind::parameter}, {"dbeta", channels, Kind::parameter}};
    check({.name = name("batch_norm_backward"),
           .inputs = in,
           .outputs = gradients,
           .run = [=](Backend& b, auto& i, auto& o) {
               b.batch_norm_backward(i[0], {}, {i[5]}, {}, i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
           }});
    check({.name = name("batch_norm_backward in place"),
           .inputs = in,
           .outputs = gradients,
           .run = [=](Backend& b, auto& i, auto& o) {
               o[0].copy_from(i[5]);
               b.batch_norm_backward(i[0], {}, {o[0]}, {}, i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
           }});
    check({.name = name("batch_norm_inference_backward"),
           .inputs = in,
           .outputs = gradients,
           .run = [=](Backend& b, auto& i, auto& o) {
               b.batch_norm_inference_backward(i[0], {}, i[5], i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
           }});
    check({.name = name("batch_norm_inference_backward without dx"),
           .inputs = in,
           .outputs = {gradients[1], gradients[2]},
           .run = [=](Backend& b, auto& i, auto& o) {
               b.batch_norm_inference_backward(i[0], {}, i[5], i[1], i[2], i[3], i[4], {}, {}, o[0], o[1], p);
           }});
}

/// The same with a residual added before ReLU.
void check_residual(const Shape& shape, const BatchNormParams& p) {
    const Shape channels{shape.back()};
    const auto name = [&](const char* primitive) {
        return fmt::format("{} with residual {}{}", primitive, shape.str(), p.relu ? " with ReLU" : "");
    };
    const auto in = inputs(shape);
    check({.name = name("batch_norm_train"),
           .inputs = in,
           .outputs = {{"y", shape},
                       {"mean", channels, Kind::parameter},
                       {"invstd", channels, Kind::parameter},
                       {"running_mean", channels, Kind::parameter},
                       {"running_var", channels, Kind::parameter}},
           .run = [=](Backend& b, auto& i, auto& o) {
               o[3].copy_from(i[3]);
               o[4].copy_from(i[4]);
               b.batch_norm_train(i[0], i[6], i[1], i[2], {}, o[3], o[4], {o[0]}, {}, o[1], o[2], p);
           }});
    check({.name = name("batch_norm_inference"),
           .inputs = in,
           .outputs = {{"y", shape}},
           .run = [=](Backend& b, auto& i, auto& o) {
               b.batch_norm_inference(i[0], i[6], i[1], i[2], i[3], i[4], {o[0]}, {}, p);
           }});
    const std::vector<Output> gradients = {{"dx", shape},
                                           {"dgamma", channels, Kind::parameter},
                                           {"dbeta", channels, Kind::parameter},
                                           {"dresidual", shape}};
    const auto y = [relu = p.relu](const Tensors& i) { return relu ? i[7] : Tensor(); };
    const auto check_backward = [&](const char* how, auto&& run) {
        check({.name = name(how), .inputs = in, .outputs = gradients, .run = run});
    };
    check_backward("batch_norm_backward", [=](Backend& b, auto& i, auto& o) {
        b.batch_norm_backward(i[0], y(i), {i[5]}, {}, i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
    });
    check_backward("batch_norm_backward, dx over dy", [=](Backend& b, auto& i, auto& o) {
        o[0].copy_from(i[5]);
        b.batch_norm_backward(i[0], y(i), {o[0]}, {}, i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
    });
    check_backward("batch_norm_backward, dresidual over dy", [=](Backend& b, auto& i, auto& o) {
        o[3].copy_from(i[5]);
        b.batch_norm_backward(i[0], y(i), {o[3]}, {}, i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
    });
    check_backward("batch_norm_backward, no dresidual", [=](Backend& b, auto& i, auto& o) {
        b.fill(o[3], 0);
        b.batch_norm_backward(i[0], y(i), {i[5]}, {}, i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
    });
    check_backward("batch_norm_inference_backward", [=](Backend& b, auto& i, auto& o) {
        b.batch_norm_inference_backward(i[0], y(i), i[5], i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
    });
    check_backward("batch_norm_inference_backward, dresidual alone", [=](Backend& b, auto& i, auto& o) {
        b.fill(o[0], 0);
        b.batch_norm_inference_backward(i[0], y(i), i[5], i[1], i[2], i[3], i[4], {}, o[3], o[1], o[2], p);
    });
}

/// With the maxima of 2x2 windows; y and, back, its gradient are channels of a wider tensor, or there is no gradient.
void check_pooled(const Shape& shape, const BatchNormParams& p) {
    const Shape channels{shape.back()}, pooled{shape[0], shape[1] / 2, shape[2] / 2, shape[3]};
    const auto name = [&](const char* primitive) {
        return fmt::format("{} pooled {}{}", primitive, shape.str(), p.relu ? " with ReLU" : "");
    };
    auto in = inputs(shape);
    in[0] = activation(clear_maxima(shape, 9));
    in.push_back(activation(uniform(pooled, 10)));                                            // 8
    in.push_back(activation(uniform({shape[0], shape[1], shape[2], 2 * shape[3] + 8}, 11)));  // 9
    // y by itself; after as many channels, as in a U-Net; at a multiple of a GPU's vectors, and at no multiple.
    for (const std::int64_t begin : {std::int64_t{0}, shape[3], shape[3] + 8, std::int64_t{1}}) {
        const std::int64_t wide = begin == 0 ? shape[3] : begin == 1 ? shape[3] + 3 : shape[3] + begin;
        const std::string where = begin == 0 ? "" : fmt::format(", y from channel {} of {}", begin, wide);
        const Output y = {"y", {shape[0], shape[1], shape[2], wide}};
        check({.name = name(("batch_norm_train" + where).c_str()),
               .inputs = in,
               .outputs = {y,
                           {"pooled", pooled},
                           {"mean", channels, Kind::parameter},
                           {"invstd", channels, Kind::parameter},
                           {"running_mean", channels, Kind::parameter},
                           {"running_var", channels, Kind::parameter}},
               .run = [=](Backend& b, auto& i, auto& o) {
                   o[4].copy_from(i[3]);
                   o[5].copy_from(i[4]);
                   b.fill(o[0], 0.5);
                   b.batch_norm_train(i[0], {}, i[1], i[2], i[3], o[4], o[5], {o[0], begin}, o[1], o[2], o[3], p);
               }});
        check({.name = name(("batch_norm_inference" + where).c_str()),
               .inputs = in,
               .outputs = {y, {"pooled", pooled}},
               .run = [=](Backend& b, auto& i, auto& o) {
                   b.fill(o[0], 0.5);
                   b.batch_norm_inference(i[0], {}, i[1], i[2], i[3], i[4], {o[0], begin}, o[1], p);
               }});
    }
    // The statistics that the forward pass gives: maxima depend on them.
    const auto check_backward = [&](const char* how, auto slice) {
        check({.name = name(how),
               .inputs = in,
               .outputs = {{"dx", shape}, {"dgamma", channels, Kind::parameter}, {"dbeta", channels, Kind::parameter}},
               .run = [=](Backend& b, auto& i, auto& o) {
                   const Tensor mean = Tensor::empty(channels, i[1].dtype(), i[0].device()), invstd = mean.clone(),
                                y = Tensor::empty(shape, i[0].dtype(), i[0].device());
                   b.batch_norm_train(i[0], {}, i[1], i[2], {}, i[3].clone(), i[4].clone(), {y}, {}, mean, invstd, p);
                   b.batch_norm_backward(i[0], {}, slice(i), i[8], i[1], i[2], mean, invstd, o[0], {}, o[1], o[2], p);
               }});
    };
    check_backward("batch_norm_backward", [](const Tensors& i) { return ChannelSlice{i[5], 0}; });
    check_backward("batch_norm_backward, dy of a wider tensor", [c = shape[3]](const Tensors& i) {
        return ChannelSlice{i[9], c + 8};
    });
    check_backward("batch_norm_backward, no dy", [](const Tensors&) { return ChannelSlice{}; });
}

/// A copy that starts one element into its storage.
Tensor off_by_one(const Tensor& t) {
    const Tensor copy = Tensor::empty({t.numel() + 1}, t.dtype(), t.device()).slice(1, t.shape());
    copy.copy_from(t);
    return copy;
}

}  // namespace

TEST_CASE("batch normalisation of every primitive shape") {
    for (const bool relu : {false, true})
        for (const bool unbiased : {false, true})
            for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{3, 4, 4, 16},
                                       Shape{1, 3, 5, 100}, Shape{2, 8, 8, 64}})
                check_norm(shape, {.momentum = 0.25, .unbiased = unbiased, .relu = relu});
}

TEST_CASE("channels of a wider tensor that is written past the caches are those of one by itself") {
    const Shape shape{4, 128, 128, 32}, channels{32}, pooled{4, 64, 64, 32};
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
        const auto empty = [&](const Shape& s, Dtype d) { return Tensor::empty(s, d, Device::cpu); };
        const Tensor x = converted(uniform(shape, 1), dtype, Device::cpu);
        Tensor parameters[6];
        for (std::uint64_t i = 0; i < 6; ++i)
            parameters[i] = converted(uniform(channels, 2 + i, 0.5f, 1.5f), Dtype::f32, Device::cpu);
        const auto& [gamma, beta, running_mean, running_var, mean, invstd] = parameters;
        const Tensor y = empty(shape, dtype), wide = empty({4, 128, 128, 64}, dtype), back = empty(shape, dtype),
                     maxima = empty(pooled, dtype), wide_maxima = empty(pooled, dtype);
        Backend& cpu = backend(Device::cpu);
        cpu.fill(wide, 0.5);
        cpu.batch_norm_train(x, {}, gamma, beta, {}, running_mean, running_var, {y}, maxima, mean, invstd, {});
        cpu.batch_norm_train(x, {}, gamma, beta, {}, running_mean, running_var, {wide, 32}, wide_maxima, mean, invstd,
                             {});
        cpu.copy_channels(wide, 32, back, 0, 32, {});
        CHECK(std::memcmp(back.raw(), y.raw(), y.bytes()) == 0);
        CHECK(std::memcmp(wide_maxima.raw(), maxima.raw(), maxima.bytes()) == 0);
        cpu.copy_channels(wide, 0, back, 0, 32, {});
        cpu.fill(y, 0.5);
        CHECK(std::memcmp(back.raw(), y.raw(), y.bytes()) == 0);
    }
}

TEST_CASE("batch normalisation of larger images") {
    check_norm({4, 64, 48, 64}, {});
    check_norm({2, 40, 33, 11}, {});
    check_norm({4, 8, 8, 512}, {.eps = 1e-3});
}

TEST_CASE("batch normalisation keeps its digits where the mean is far from zero") {
    // f32 holds 100 + u with 3e-6 of its own rounding; a sum of squares would lose 1e4 times as much.
    check_norm({2, 64, 64, 16}, {}, 99, 101, 2e-5);
}

TEST_CASE("batch normalisation with a residual") {
    for (const bool relu : {false, true})
        for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{1, 5, 7, 3}, Shape{2, 5, 7, 17}, Shape{2, 8, 8, 64}})
            check_residual(shape, {.relu = relu});
    check_residual({2, 33, 31, 24}, {.relu = true});
}

TEST_CASE("batch normalisation with the maxima of windows") {
    for (const bool relu : {false, true})
        for (const Shape& shape : {Shape{2, 2, 2, 1}, Shape{1, 5, 7, 3}, Shape{2, 4, 6, 17}, Shape{2, 7, 4, 24},
                                   Shape{3, 8, 8, 64}, Shape{1, 6, 10, 264}})
            check_pooled(shape, {.momentum = 0.25, .relu = relu});
    check_pooled({2, 64, 48, 64}, {.eps = 1e-3, .unbiased = false, .relu = true});
}

TEST_CASE("batch normalisation of many channels that are no whole vectors") {
    check_norm({2, 3, 5, 300}, {.relu = true});
    check_norm({2, 4, 4, 301}, {});
    check_norm({1, 2, 8, 520}, {});
}

TEST_CASE("batch normalisation of tensors that start anywhere") {
    const Shape shape{2, 5, 7, 24}, channels{24};
    const BatchNormParams p{.relu = true};
    check({.name = "batch_norm_train, unaligned",
           .inputs = inputs(shape),
           .outputs = {{"y", shape}, {"mean", channels, Kind::parameter}, {"invstd", channels, Kind::parameter}},
           .run = [=](Backend& b, auto& i, auto& o) {
               const Tensor y = off_by_one(i[5]);
               b.batch_norm_train(off_by_one(i[0]), off_by_one(i[6]), i[1], i[2], {}, i[3].clone(), i[4].clone(), {y},
                                  {}, o[1], o[2], p);
               o[0].copy_from(y);
           }});
    check({.name = "batch_norm_backward, unaligned",
           .inputs = inputs(shape),
           .outputs = {{"dx", shape},
                       {"dgamma", channels, Kind::parameter},
                       {"dbeta", channels, Kind::parameter},
                       {"dresidual", shape}},
           .run = [=](Backend& b, auto& i, auto& o) {
               const Tensor dx = off_by_one(i[5]);
               b.batch_norm_backward(off_by_one(i[0]), off_by_one(i[7]), {off_by_one(i[5])}, {}, i[1], i[2], i[3], i[4],
                                     dx, o[3], o[1], o[2], p);
               o[0].copy_from(dx);
           }});
}
