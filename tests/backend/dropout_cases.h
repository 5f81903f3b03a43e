#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

inline PrimitiveCase dropout(const Shape& shape, double rate, const PhiloxKey& key) {
    return {.primitive = "dropout",
            .what = fmt::format("{} {}", rate, shape.str()),
            .inputs = {activation_of(away_from_zero, shape, 1, 0.05)},
            .outputs = {{"y", shape}},
            .run = [=](Backend& b, auto& in, auto& out) { b.dropout(in[0], out[0], rate, key, {}); }};
}

}  // namespace camber::testing
