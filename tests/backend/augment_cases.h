#pragma once
#include "backend/augment_pixel.h"
#include "backend/primitive_case.h"
#include "data/sampling.h"

namespace camber::testing {

/// Pictures one after another with gaps between, from height x width on, each augmented differently; some without a
/// label map.
struct Pictures {
    std::vector<AugmentSample> samples;
    std::int64_t channels;
    std::int64_t bytes = 1;  // no picture begins at a multiple of anything

    Pictures(const Shape& batch, int first_height, int first_width, int depth = 3) : channels(depth) {
        const int out_height = static_cast<int>(batch[1]), out_width = static_cast<int>(batch[2]);
        for (int i = 0; i < batch[0]; ++i) {
            const int height = first_height + 6 * i, width = first_width + 11 * i;
            const AugmentConfig config{.scale_min = 0.3f,
                                       .scale_max = 3.0f,
                                       .flip_vertical = 0.5f,
                                       .emboss = 0.2f,
                                       .edges = 0.2f,
                                       .sharpen = 0.2f};
            const auto params = sample_augmentation(config, {}, 5, i, static_cast<std::size_t>(i), height, width,
                                                    out_height, out_width);
            AugmentSample sample{sampling_of(params, height, width, {}, depth, out_height, out_width), bytes, -1};
            bytes += std::int64_t{height} * width * channels + 2;
            if (i % 3 != 1) {
                sample.label_offset = bytes;
                bytes += std::int64_t{height} * width;
            }
            samples.push_back(sample);
        }
    }
    std::vector<Input> inputs() const { return {labels({bytes}, 256, 3), given(samples)}; }
};

/// A batch [N, H, W] cut from pictures.
inline PrimitiveCase augmented_batch(const Shape& batch, const Pictures& pictures, bool with_labels = true) {
    const Output x = {"x", {batch[0], batch[1], batch[2], pictures.channels}}, ids = {"labels", batch, Kind::u8};
    return {.primitive = "augment",
            .what = batch.str() + fmt::format(" of {} channels", pictures.channels) +
                    (with_labels ? "" : " without labels"),
            .inputs = pictures.inputs(),
            .outputs = with_labels ? std::vector<Output>{x, ids} : std::vector<Output>{x},
            .run = [=](Backend& b, auto& in,
                       auto& out) { b.augment(in[0], in[1], 11, out[0], with_labels ? out[1] : Tensor()); },
            .f32_tolerance = 0,
            .bf16_tolerance = 4e-3};
}

}  // namespace camber::testing
