#pragma once
#include <camber/image.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace camber {

/// Network input = (x / 255 - mean) / std per channel, of grey pictures with the luma of mean and std; alpha stays what
/// it is, 0 to 1. The defaults are ImageNet's, so imported encoders see what they were trained on.
struct Normalisation {
    std::array<float, 3> mean = {0.485f, 0.456f, 0.406f};
    std::array<float, 3> std = {0.229f, 0.224f, 0.225f};
};

/// Ranges that random augmentation draws from.
struct AugmentConfig {
    bool enabled = true;
    /// Size of the scene in the crop, relative to the whole frame fitted to the output; log-uniform. Above 1 a part of
    /// the frame is enlarged, below 1 the frame is shrunk and surrounded by void.
    float scale_min = 0.75f;
    float scale_max = 2.0f;
    /// Width is multiplied and height divided by sqrt(a), a log-uniform in [1 / (1 + aspect), 1 + aspect].
    float aspect = 0.1f;
    float flip = 0.5f;           ///< probability of a horizontal flip
    float flip_vertical = 0.0f;  ///< and of a vertical one
    /// Probabilities of an emboss filter, of edge detection and of sharpening, each blended with the picture by a
    /// random share; never two at once.
    float emboss = 0, edges = 0, sharpen = 0;
    /// Factors are uniform in [1 - range, 1 + range]. Alpha has its place changed, never its value.
    float brightness = 0.25f;
    float contrast = 0.25f;
    float saturation = 0.25f;
};

/// One drawn augmentation. Default-constructed values with `width` x `height` set to the source's size change nothing.
/// Plain data: a kernel takes it by value.
struct AugmentParams {
    float left = 0, top = 0;      ///< the crop's corner in source pixels (pixel i covers i .. i + 1); may lie outside
    float width = 0, height = 0;  ///< the crop's extent in source pixels
    int flip = 0;                 ///< 1: mirrored left to right
    int flip_vertical = 0;        ///< 1: upside down
    int taps_x = 1, taps_y = 1;   ///< bilinear samples averaged per output pixel, against aliasing when shrinking
    int filtered = 0;             ///< 1: every pixel becomes the sum of its 3x3 neighbourhood weighted by `filter`
    std::array<float, 9> filter = {};  ///< row by row
    /// Colour on [0, 1] values: clamp(gain * x + mix * grey(x) + offset), grey the Rec. 601 luma.
    float gain = 1, mix = 0, offset = 0;
};

/// The whole frame stretched to the output, nothing random: validation and prediction.
AugmentParams plain_resize(int source_height, int source_width, int out_height, int out_width);

/// Draws for sample `index` in `epoch`: depends on the arguments alone. With !config.enabled it is plain_resize().
AugmentParams sample_augmentation(const AugmentConfig& config, const Normalisation& normalisation, std::uint64_t seed,
                                  std::int64_t epoch, std::size_t index, int source_height, int source_width,
                                  int out_height, int out_width);

/// Writes f32 [out_height, out_width, C] to `out` and, unless `label` is null, u8 [out_height, out_width] to
/// `out_label`; C is the image's channels: 1 (grey), 3 (RGB) or 4 (RGBA). Outside the frame the image is 0 (the mean
/// colour, transparent) and the label `void_id`. The arithmetic per pixel is backend/augment_pixel.h's. `label` has the
/// image's size.
void apply_augmentation(const AugmentParams& params, const Image& image, const Image* label,
                        const Normalisation& normalisation, int void_id, int out_height, int out_width, float* out,
                        std::uint8_t* out_label);

/// plain_resize() applied: the network's input f32 [out_height, out_width, C] for a picture of C channels, as
/// validation and prediction see it.
void prepare_image(const Image& image, const Normalisation& normalisation, int out_height, int out_width, float* out);

}  // namespace camber
