#include <camber/augment.h>
#include <camber/error.h>
#include <camber/philox.h>

#include <algorithm>
#include <cmath>

#include "backend/augment_rows.h"
#include "data/sampling.h"

namespace camber {
namespace {

/// One bilinear sample sees 2 source pixels; past that, more samples or detail aliases.
int taps_for(float step) { return std::clamp(static_cast<int>(std::lround(step)), 1, 8); }

void set_taps(AugmentParams& params, int out_height, int out_width) {
    params.taps_x = taps_for(params.width / static_cast<float>(out_width));
    params.taps_y = taps_for(params.height / static_cast<float>(out_height));
}

/// Anywhere between the ends at which the crop and the frame have an edge in common: inside when the crop is smaller,
/// around the frame when it is larger.
float random_corner(Philox& random, float source, float crop) {
    const float slack = source - crop;
    return slack * random.uniform();
}

/// (1 - alpha) * the picture + alpha * the filtered picture.
void blend_filter(AugmentParams& params, float alpha, const std::array<float, 9>& filter) {
    params.filtered = 1;
    for (std::size_t k = 0; k < filter.size(); ++k) params.filter[k] = alpha * filter[k] + (k == 4 ? 1 - alpha : 0);
}

/// imgaug's Emboss, EdgeDetect and Sharpen with its default ranges (imgaug 0.4, augmenters/convolutional.py), at most
/// one of them.
void draw_filter(AugmentParams& params, const AugmentConfig& config, Philox& random) {
    const float which = random.uniform(), alpha = random.uniform(), amount = random.uniform();
    if (which < config.emboss) {
        const float s = 0.25f + 0.75f * amount;
        blend_filter(params, alpha, {-1 - s, -s, 0, -s, 1, s, 0, s, 1 + s});
    } else if (which < config.emboss + config.edges) {
        blend_filter(params, 0.75f * alpha, {0, 1, 0, 1, -4, 1, 0, 1, 0});
    } else if (which < config.emboss + config.edges + config.sharpen) {
        blend_filter(params, 0.2f * alpha, {-1, -1, -1, -1, 8.8f + 0.4f * amount, -1, -1, -1, -1});
    }
}

float luma(const std::array<float, 3>& rgb) { return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; }

/// Of a network that sees one channel.
Normalisation grey(const Normalisation& rgb) {
    Normalisation grey;
    grey.mean.fill(luma(rgb.mean));
    grey.std.fill(luma(rgb.std));
    return grey;
}

float log_uniform(Philox& random, float low, float high) {
    return low * std::exp(random.uniform() * std::log(high / low));
}

}  // namespace

AugmentParams plain_resize(int source_height, int source_width, int out_height, int out_width) {
    AugmentParams params;
    params.width = static_cast<float>(source_width);
    params.height = static_cast<float>(source_height);
    set_taps(params, out_height, out_width);
    return params;
}

AugmentParams sample_augmentation(const AugmentConfig& config, const Normalisation& normalisation, std::uint64_t seed,
                                  std::int64_t epoch, std::size_t index, int source_height, int source_width,
                                  int out_height, int out_width) {
    AugmentParams params = plain_resize(source_height, source_width, out_height, out_width);
    if (!config.enabled) return params;
    Philox random({seed, Stream::augmentation, static_cast<std::uint64_t>(epoch) << 32 ^ index});
    // Every number is drawn whatever the configuration, so that changing one range leaves the other draws alone.
    const float scale = log_uniform(random, config.scale_min, config.scale_max);
    const float aspect = std::sqrt(log_uniform(random, 1 / (1 + config.aspect), 1 + config.aspect));
    params.width = params.width / (scale * aspect);
    params.height = params.height / scale * aspect;
    params.left = random_corner(random, static_cast<float>(source_width), params.width);
    params.top = random_corner(random, static_cast<float>(source_height), params.height);
    params.flip = random.uniform() < config.flip ? 1 : 0;
    const float brightness = random.uniform(1 - config.brightness, 1 + config.brightness);
    const float contrast = random.uniform(1 - config.contrast, 1 + config.contrast);
    const float saturation = random.uniform(1 - config.saturation, 1 + config.saturation);
    params.flip_vertical = random.uniform() < config.flip_vertical ? 1 : 0;
    draw_filter(params, config, random);
    set_taps(params, out_height, out_width);
    // saturation: grey + (x - grey) s; contrast about the mean's grey m: (x - m) c + m; brightness: x b. All in one.
    const float mean_grey = luma(normalisation.mean);
    params.gain = brightness * contrast * saturation;
    params.mix = brightness * contrast * (1 - saturation);
    params.offset = brightness * (1 - contrast) * mean_grey;
    return params;
}

pixel::Sampling sampling_of(const AugmentParams& params, int source_height, int source_width,
                            const Normalisation& normalisation, int channels, int out_height, int out_width) {
    pixel::Sampling s{};
    s.x = {params.left, params.width / static_cast<float>(out_width), 1.0f / static_cast<float>(params.taps_x),
           params.taps_x, source_width};
    s.y = {params.top, params.height / static_cast<float>(out_height), 1.0f / static_cast<float>(params.taps_y),
           params.taps_y, source_height};
    s.flip = params.flip;
    s.flip_vertical = params.flip_vertical;
    s.out_width = out_width;
    s.out_height = out_height;
    s.filtered = params.filtered;
    std::copy(params.filter.begin(), params.filter.end(), s.filter);
    s.inv_samples = 1.0f / static_cast<float>(params.taps_x * params.taps_y);
    s.gain = params.gain;
    s.mix = params.mix;
    s.offset = params.offset;
    const Normalisation n = channels == 1 ? grey(normalisation) : normalisation;
    for (std::size_t c = 0; c < 3; ++c) {
        s.mean[c] = n.mean[c];
        s.inv_std[c] = 1.0f / n.std[c];
    }
    s.inv_std[3] = 1;  // alpha, of mean 0
    return s;
}

void apply_augmentation(const AugmentParams& params, const Image& image, const Image* label,
                        const Normalisation& normalisation, int void_id, int out_height, int out_width, float* out,
                        std::uint8_t* out_label) {
    const int channels = image.channels;
    if (!is_picture_channels(channels))
        fail("augmentation expects a grey, RGB or RGBA image, got {} channels", channels);
    if (label && (label->height != image.height || label->width != image.width || label->channels != 1)) {
        fail("the label map is {}x{}x{}, its image {}x{}", label->height, label->width, label->channels, image.height,
             image.width);
    }
    AugmentRows rows(sampling_of(params, image.height, image.width, normalisation, channels, out_height, out_width),
                     channels);
    const std::uint8_t* ids = label ? label->data.data() : nullptr;
    if (!label) out_label = nullptr;
    for (int y = 0; y < out_height; ++y) {
        const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(y) * out_width;
        rows.make(image.data.data(), ids, void_id, y, out + pixel * channels, out_label ? out_label + pixel : nullptr);
    }
}

void prepare_image(const Image& image, const Normalisation& normalisation, int out_height, int out_width, float* out) {
    apply_augmentation(plain_resize(image.height, image.width, out_height, out_width), image, nullptr, normalisation, 0,
                       out_height, out_width, out, nullptr);
}

}  // namespace camber
