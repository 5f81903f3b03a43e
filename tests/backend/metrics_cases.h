#pragma once
#include "backend/label_map.h"
#include "backend/primitive_case.h"

namespace camber::testing {

/// logits [sizes, height, width, classes] against a label map of each size.
inline PrimitiveCase counted_predictions(const Shape& logits, const std::vector<std::pair<int, int>>& sizes,
                                         int ignore_index) {
    std::vector<LabelMap> maps;
    std::int64_t end = 3;  // no map begins at a multiple of anything
    for (const auto& [height, width] : sizes) {
        maps.push_back({height, width, end});
        end += std::int64_t{height} * width + 1;
    }
    const std::int64_t classes = logits.back();
    return {
        .primitive = "count_predictions",
        .what = fmt::format("{}, {} ignored", logits.str(), ignore_index),
        .inputs = {activation(logits, 1), labels({end}, classes, 2, 255), given(maps)},
        .outputs = {{"counts", {logits[0], classes, classes}, Kind::i32}},
        .prepare = [](Backend& b, auto&, auto& out) { b.fill(out[0], 5); },
        .run = [=](Backend& b, auto& in, auto& out) { b.count_predictions(in[0], in[1], in[2], out[0], ignore_index); },
        .f32_tolerance = 0,
        .bf16_tolerance = 0};
}

}  // namespace camber::testing
