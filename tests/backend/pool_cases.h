#pragma once
#include <camber/ops.h>

#include <cmath>

#include "backend/primitive_case.h"

namespace camber::testing {

/// Values from a small set: ties are frequent, and every device must break them alike.
inline Tensor quarters(const Shape& shape) {
    const Tensor x = uniform(shape, 1);
    double* values = x.data<double>();
    for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = std::round(values[i] * 4) / 4;
    return x;
}

inline Shape pooled_shape(const Shape& image, const Pool2dParams& p) {
    const Padding& pad = p.padding;
    return {image[0], ops::window_output(image[1], p.kernel_h, p.stride_h, 1, pad.top, pad.bottom),
            ops::window_output(image[2], p.kernel_w, p.stride_w, 1, pad.left, pad.right), image[3]};
}

inline std::string pool_text(const Shape& image, const Pool2dParams& p) {
    return fmt::format("{}x{} {} to {}", p.kernel_h, p.kernel_w, image.str(), pooled_shape(image, p).str());
}

inline Cases max_pooling(const Shape& image, const Pool2dParams& p) {
    const Shape pooled = pooled_shape(image, p);
    const Input x = activation_of(quarters, image), dy = activation(pooled, 2);
    return {
        {.primitive = "max_pool2d",
         .what = pool_text(image, p),
         .inputs = {x},
         .outputs = {{"y", pooled}},
         .run = [=](Backend& b, auto& in, auto& out) { b.max_pool2d(in[0], out[0], p); }},
        {.primitive = "max_pool2d_backward",
         .what = pool_text(image, p),
         .inputs = {x, dy},
         .outputs = {{"dx", image}, {"y", pooled}},
         .prepare = [=](Backend& b, auto& in, auto& out) { b.max_pool2d(in[0], out[1], p); },
         .run = [=](Backend& b, auto& in, auto& out) { b.max_pool2d_backward(in[0], out[1], in[1], {}, out[0], p); }}};
}

inline Cases average_pooling(const Shape& image, const Pool2dParams& p) {
    const Shape pooled = pooled_shape(image, p);
    return {{.primitive = "avg_pool2d",
             .what = pool_text(image, p),
             .inputs = {activation_of(quarters, image)},
             .outputs = {{"y", pooled}},
             .run = [=](Backend& b, auto& in, auto& out) { b.avg_pool2d(in[0], out[0], p); }},
            {.primitive = "avg_pool2d_backward",
             .what = pool_text(image, p),
             .inputs = {activation(pooled, 2)},
             .outputs = {{"dx", image}},
             .run = [=](Backend& b, auto& in, auto& out) { b.avg_pool2d_backward(in[0], out[0], p); }}};
}

/// To the gradient is added: the last channels of a tensor with `others` more.
inline PrimitiveCase max_pooling_and_addend(const Shape& image, const Pool2dParams& p, std::int64_t others) {
    PrimitiveCase c = max_pooling(image, p)[1];
    c.what += fmt::format(", plus channels from {}", others);
    c.inputs.push_back(activation({image[0], image[1], image[2], others + image[3]}, 3));
    c.run = [=](Backend& b, auto& in, auto& out) {
        b.max_pool2d_backward(in[0], out[1], in[1], {in[2], others}, out[0], p);
    };
    return c;
}

}  // namespace camber::testing
