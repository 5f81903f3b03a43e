#pragma once
#include "backend/augment_pixel.h"
#include "backend/primitive_case.h"
#include "data/sampling.h"

namespace camber::testing {

/// Pictures one after another with gaps between, from height x width on, each augmented differently; some without a
/// label map.
struct Pictures {
    std::vector<AugmentSample> samples;
    AugmentNeeds needs;
    std::int64_t channels;
    std::int64_t bytes = 1;  // no picture begins at a multiple of anything

    Pictures(const Shape& batch, int first_height, int first_width, int depth = 3,
             const AugmentConfig& config = usual())
        : channels(depth) {
        const int out_height = static_cast<int>(batch[1]), out_width = static_cast<int>(batch[2]);
        for (int i = 0; i < batch[0]; ++i) {
            const int height = first_height + 6 * i, width = first_width + 11 * i;
            const auto params = sample_augmentation(config, {}, 5, i, static_cast<std::size_t>(i), height, width,
                                                    out_height, out_width);
            AugmentSample sample{sampling_of(params, height, width, {}, depth, out_height, out_width), bytes, -1};
            bytes += std::int64_t{height} * width * channels + 2;
            if (i % 3 != 1) {
                sample.label_offset = bytes;
                bytes += std::int64_t{height} * width;
            }
            if (params.equalised) {
                sample.table_offset = bytes;
                bytes += static_cast<std::int64_t>(pixel::equalisation_bytes);
            }
            samples.push_back(sample);
            needs.add(sample);
        }
    }
    /// What needs neither warp, tables nor extras.
    static AugmentConfig usual() { return {.scale_min = 0.3f, .scale_max = 3.0f, .flip_vertical = 0.5f}; }
    static AugmentConfig filtered() {
        AugmentConfig config = usual();
        config.emboss = config.edges = config.sharpen = 0.2f;
        return config;
    }
    /// Everything that there is, half of the time where it is a probability.
    static AugmentConfig everything() {
        return {.scale_min = 0.3f,
                .scale_max = 3.0f,
                .rotate = 40,
                .warp = 0.3f,
                .affine_probability = 0.5f,
                .flip_vertical = 0.5f,
                .clahe = 0.5f,
                .blur = 1,
                .emboss = 0.5f,
                .edges = 0.5f,
                .sharpen = 0.5f,
                .filters_together = true,
                .hue = 0.2f,
                .lighting = 0.2f,
                .lighting_probability = 0.5f,
                .gamma = 0.5f,
                .noise = 0.1f,
                .cutout = 0.5f};
    }
    /// The same with no filter, so in one pass.
    static AugmentConfig but_filters() {
        AugmentConfig config = everything();
        config.padding = FramePadding::reflection;
        config.interpolation = Interpolation::bilinear_corners;
        config.blur = config.emboss = config.edges = config.sharpen = 0;
        return config;
    }
    std::vector<Input> inputs() const { return {labels({bytes}, 256, 3), given(samples)}; }
};

/// A batch [N, H, W] cut from pictures.
inline PrimitiveCase augmented_batch(const Shape& batch, const Pictures& pictures, bool with_labels = true) {
    const Output x = {"x", {batch[0], batch[1], batch[2], pictures.channels}}, ids = {"labels", batch, Kind::u8};
    return {
        .primitive = "augment",
        .what =
            batch.str() + fmt::format(" of {} channels", pictures.channels) + (with_labels ? "" : " without labels"),
        .inputs = pictures.inputs(),
        .outputs = with_labels ? std::vector<Output>{x, ids} : std::vector<Output>{x},
        .run = [=](Backend& b, auto& in,
                   auto& out) { b.augment(in[0], in[1], pictures.needs, 11, out[0], with_labels ? out[1] : Tensor()); },
        .f32_tolerance = 0,
        .bf16_tolerance = 4e-3};
}

}  // namespace camber::testing
