#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

/// Inputs x, gamma, beta, two per-channel statistics, dy, a residual, and the y of a step with one.
inline std::vector<Input> norm_inputs(const Shape& shape, float low = -1, float high = 1) {
    const Shape channels{shape.back()};
    return {activation(shape, 1, low, high),
            parameter(channels, 2, 0.5f, 2),
            parameter(channels, 3),
            parameter(channels, 4),
            parameter(channels, 5, 0.5f, 2),
            activation(shape, 6),
            activation(shape, 7),
            activation(shape, 8)};
}

inline std::string norm_text(const char* how, const Shape& shape, const BatchNormParams& p) {
    return fmt::format("{}{}{}", how, shape.str(), p.relu ? " with ReLU" : "");
}

/// The outputs y, mean, invstd, running_mean, running_var of batch_norm_train, and what lets the last two begin as
/// inputs 3 and 4.
inline std::vector<Output> norm_outputs(const Output& y, std::int64_t channels) {
    const Shape shape{channels};
    return {y,
            {"mean", shape, Kind::parameter},
            {"invstd", shape, Kind::parameter},
            {"running_mean", shape, Kind::parameter},
            {"running_var", shape, Kind::parameter}};
}
inline void begin_running(Backend&, const Tensors& i, const Tensors& o) {
    o[3].copy_from(i[3]);
    o[4].copy_from(i[4]);
}
inline std::vector<Output> norm_gradients(const Shape& shape) {
    return {{"dx", shape}, {"dgamma", {shape.back()}, Kind::parameter}, {"dbeta", {shape.back()}, Kind::parameter}};
}

/// x between `low` and `high`.
inline Cases batch_norm(const Shape& shape, const BatchNormParams& p, float low = -1, float high = 1,
                        double f32_tolerance = 1e-5) {
    const auto in = norm_inputs(shape, low, high);
    const std::string what = norm_text("", shape, p);
    return {
        {.primitive = "batch_norm_train",
         .what = what,
         .inputs = in,
         .outputs = norm_outputs({"y", shape}, shape.back()),
         .prepare = begin_running,
         .run = [=](Backend& b, auto& i,
                    auto& o) { b.batch_norm_train(i[0], {}, i[1], i[2], {}, o[3], o[4], {o[0]}, {}, o[1], o[2], p); },
         .f32_tolerance = f32_tolerance},
        {.primitive = "batch_norm_inference",
         .what = what,
         .inputs = in,
         .outputs = {{"y", shape}},
         .run = [=](Backend& b, auto& i,
                    auto& o) { b.batch_norm_inference(i[0], {}, i[1], i[2], i[3], i[4], {o[0]}, {}, p); }},
        {.primitive = "batch_norm_backward",
         .what = what,
         .inputs = in,
         .outputs = norm_gradients(shape),
         .run =
             [=](Backend& b, auto& i, auto& o) {
                 b.batch_norm_backward(i[0], {}, {i[5]}, {}, i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
             }},
        {.primitive = "batch_norm_inference_backward",
         .what = what,
         .inputs = in,
         .outputs = norm_gradients(shape),
         .run = [=](Backend& b, auto& i, auto& o) {
             b.batch_norm_inference_backward(i[0], {}, i[5], i[1], i[2], i[3], i[4], o[0], {}, o[1], o[2], p);
         }}};
}

/// The same with a residual added before ReLU.
inline Cases batch_norm_residual(const Shape& shape, const BatchNormParams& p) {
    const auto in = norm_inputs(shape);
    const std::string what = norm_text("residual ", shape, p);
    auto gradients = norm_gradients(shape);
    gradients.push_back({"dresidual", shape});
    const auto y = [relu = p.relu](const Tensors& i) { return relu ? i[7] : Tensor(); };
    return {{.primitive = "batch_norm_train",
             .what = what,
             .inputs = in,
             .outputs = norm_outputs({"y", shape}, shape.back()),
             .prepare = begin_running,
             .run =
                 [=](Backend& b, auto& i, auto& o) {
                     b.batch_norm_train(i[0], i[6], i[1], i[2], {}, o[3], o[4], {o[0]}, {}, o[1], o[2], p);
                 }},
            {.primitive = "batch_norm_inference",
             .what = what,
             .inputs = in,
             .outputs = {{"y", shape}},
             .run = [=](Backend& b, auto& i,
                        auto& o) { b.batch_norm_inference(i[0], i[6], i[1], i[2], i[3], i[4], {o[0]}, {}, p); }},
            {.primitive = "batch_norm_backward",
             .what = what,
             .inputs = in,
             .outputs = gradients,
             .run =
                 [=](Backend& b, auto& i, auto& o) {
                     b.batch_norm_backward(i[0], y(i), {i[5]}, {}, i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
                 }},
            {.primitive = "batch_norm_inference_backward",
             .what = what,
             .inputs = in,
             .outputs = gradients,
             .run = [=](Backend& b, auto& i, auto& o) {
                 b.batch_norm_inference_backward(i[0], y(i), i[5], i[1], i[2], i[3], i[4], o[0], o[3], o[1], o[2], p);
             }}};
}

/// With the maxima of 2x2 windows. y is the channels from `begin` of `wide`.
inline Cases batch_norm_pooled(const Shape& shape, const BatchNormParams& p, std::int64_t begin, std::int64_t wide) {
    const Shape pooled{shape[0], shape[1] / 2, shape[2] / 2, shape[3]};
    auto in = norm_inputs(shape);
    in[0] = activation_of(clear_maxima, shape, 9);
    const std::string what = norm_text("pooled ", shape, p) + fmt::format(", y from channel {} of {}", begin, wide);
    const Output y = {"y", {shape[0], shape[1], shape[2], wide}};
    auto outputs = norm_outputs(y, shape.back());
    outputs.push_back({"pooled", pooled});
    return {{.primitive = "batch_norm_train",
             .what = what,
             .inputs = in,
             .outputs = outputs,
             .prepare =
                 [](Backend& b, auto& i, auto& o) {
                     begin_running(b, i, o);
                     b.fill(o[0], 0.5);
                 },
             .run =
                 [=](Backend& b, auto& i, auto& o) {
                     b.batch_norm_train(i[0], {}, i[1], i[2], i[3], o[3], o[4], {o[0], begin}, o[5], o[1], o[2], p);
                 }},
            {.primitive = "batch_norm_inference",
             .what = what,
             .inputs = in,
             .outputs = {y, {"pooled", pooled}},
             .prepare = [](Backend& b, auto&, auto& o) { b.fill(o[0], 0.5); },
             .run =
                 [=](Backend& b, auto& i, auto& o) {
                     b.batch_norm_inference(i[0], {}, i[1], i[2], i[3], i[4], {o[0], begin}, o[1], p);
                 }}};
}

/// Its backward: dy is channels of a tensor of `wide`, or there is none (wide 0). The statistics are those that the
/// forward pass gives, for maxima depend on them.
inline PrimitiveCase batch_norm_pooled_backward(const Shape& shape, const BatchNormParams& p, std::int64_t begin,
                                                std::int64_t wide) {
    auto in = norm_inputs(shape);
    in[0] = activation_of(clear_maxima, shape, 9);
    in.push_back(activation({shape[0], shape[1] / 2, shape[2] / 2, shape[3]}, 10));
    in.push_back(activation({shape[0], shape[1], shape[2], std::max(wide, shape[3])}, 11));
    auto outputs = norm_outputs({"y", shape}, shape.back());
    for (const Output& gradient : norm_gradients(shape)) outputs.push_back(gradient);
    return {.primitive = "batch_norm_backward",
            .what = norm_text("pooled ", shape, p) + fmt::format(", dy from channel {} of {}", begin, wide),
            .inputs = in,
            .outputs = outputs,
            .prepare =
                [=](Backend& b, auto& i, auto& o) {
                    begin_running(b, i, o);
                    b.batch_norm_train(i[0], {}, i[1], i[2], {}, o[3], o[4], {o[0]}, {}, o[1], o[2], p);
                },
            .run =
                [=](Backend& b, auto& i, auto& o) {
                    const ChannelSlice dy = wide > 0 ? ChannelSlice{i[9], begin} : ChannelSlice{};
                    b.batch_norm_backward(i[0], {}, dy, i[8], i[1], i[2], o[1], o[2], o[5], {}, o[6], o[7], p);
                }};
}

}  // namespace camber::testing
