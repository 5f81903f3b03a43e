#pragma once
#include <cmath>

#include "backend/primitive_case.h"

namespace camber::testing {

inline PrimitiveCase sum(const Shape& shape) {
    return {.primitive = "sum",
            .what = shape.str(),
            .inputs = {activation(shape, 4, 0, 1)},
            .outputs = {{"sum", {}, Kind::parameter}},
            .run = [](Backend& d, auto& in, auto& out) { d.sum(in[0], out[0]); }};
}
/// Over all axes but the last.
inline PrimitiveCase channel_sums(const Shape& shape) {
    PrimitiveCase c = sum(shape);
    c.what += " to [C]";
    c.outputs = {{"sums", {shape.back()}, Kind::parameter}};
    return c;
}

/// Scores with ties.
inline PrimitiveCase largest(const Shape& shape) {
    const auto scores = [](const Shape& s) {
        const Tensor x = uniform(s, 1);
        for (std::int64_t i = 0; i < x.numel(); ++i) x.data<double>()[i] = std::round(x.data<double>()[i] * 4);
        return x;
    };
    return {.primitive = "argmax",
            .what = shape.str(),
            .inputs = {activation_of(scores, shape)},
            .outputs = {{"labels", {shape[0], shape[1], shape[2]}, Kind::u8}},
            .run = [](Backend& b, auto& in, auto& out) { b.argmax(in[0], out[0]); },
            .f32_tolerance = 0,
            .bf16_tolerance = 0};
}

}  // namespace camber::testing
