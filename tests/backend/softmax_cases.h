#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

/// Of scores between -range and range.
inline PrimitiveCase softmax(const Shape& shape, float range) {
    return {.primitive = "softmax",
            .what = shape.str(),
            .inputs = {activation(shape, 3, -range, range)},
            .outputs = {{"y", shape}},
            .run = [](Backend& b, auto& in, auto& out) { b.softmax(in[0], out[0]); }};
}
inline PrimitiveCase softmax_backward(const Shape& shape) {
    return {.primitive = "softmax_backward",
            .what = shape.str(),
            .inputs = {activation(shape, 1, 0, 1), activation(shape, 2)},
            .outputs = {{"dx", shape}},
            .run = [](Backend& b, auto& in, auto& out) { b.softmax_backward(in[0], in[1], out[0]); }};
}

}  // namespace camber::testing
