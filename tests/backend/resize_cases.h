#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

/// From shape `small` to `large`, and back.
inline Cases resizing(const Shape& small, const Shape& large, ResizeMode mode) {
    constexpr const char* names[] = {"nearest", "nearest, half pixel", "bilinear", "bilinear, corners aligned"};
    const std::string what = fmt::format("{} {} to {}", names[static_cast<int>(mode)], small.str(), large.str());
    return {{.primitive = "resize",
             .what = what,
             .inputs = {activation(small, 1)},
             .outputs = {{"y", large}},
             .run = [=](Backend& b, auto& in, auto& out) { b.resize(in[0], out[0], mode); }},
            {.primitive = "resize_backward",
             .what = what,
             .inputs = {activation(large, 2)},
             .outputs = {{"dx", small}},
             .run = [=](Backend& b, auto& in, auto& out) { b.resize_backward(in[0], out[0], mode); }}};
}

}  // namespace camber::testing
