#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

inline Cases elementwise(const Shape& shape) {
    const Input a = activation(shape, 1), b = activation(shape, 2);
    const std::vector<Output> y = {{"y", shape}};
    const std::string what = shape.str();
    return {{.primitive = "relu",
             .what = what,
             .inputs = {a},
             .outputs = y,
             .run = [](Backend& d, auto& in, auto& out) { d.relu(in[0], out[0]); }},
            {.primitive = "relu_backward",
             .what = what,
             .inputs = {a, b},
             .outputs = y,
             .run = [](Backend& d, auto& in, auto& out) { d.relu_backward(in[0], in[1], out[0]); }},
            {.primitive = "add",
             .what = what,
             .inputs = {a, b},
             .outputs = y,
             .run = [](Backend& d, auto& in, auto& out) { d.add(in[0], in[1], out[0]); }},
            {.primitive = "scale",
             .what = what,
             .inputs = {a},
             .outputs = y,
             .run = [](Backend& d, auto& in, auto& out) { d.scale(in[0], -1.7, out[0]); }},
            {.primitive = "fill",
             .what = what,
             .outputs = y,
             .run = [](Backend& d, auto&, auto& out) { d.fill(out[0], 3); }},
            {.primitive = "broadcast",
             .what = what,
             .inputs = {parameter({}, 4)},
             .outputs = y,
             .run = [](Backend& d, auto& in, auto& out) { d.broadcast(in[0], out[0]); }},
            {.primitive = "cast",
             .what = what + " to a parameter",
             .inputs = {a},
             .outputs = {{"y", shape, Kind::parameter}},
             .run = [](Backend& d, auto& in, auto& out) { d.cast(in[0], out[0]); }},
            {.primitive = "cast",
             .what = what + " from a parameter",
             .inputs = {parameter(shape, 3)},
             .outputs = y,
             .run = [](Backend& d, auto& in, auto& out) { d.cast(in[0], out[0]); }}};
}

}  // namespace camber::testing
