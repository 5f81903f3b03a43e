#include <camber/augment.h>
#include <camber/error.h>
#include <camber/philox.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>
#include <vector>

#include "backend/augment_rows.h"
#include "data/sampling.h"

namespace camber {
namespace {

/// One bilinear sample sees 2 source pixels; past that, more samples or detail aliases.
int taps_for(float step) { return std::clamp(static_cast<int>(std::lround(step)), 1, 8); }

void set_taps(AugmentParams& params, int out_height, int out_width) {
    if (params.interpolation != Interpolation::antialias) return;
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
    float* const to = &params.filter[9 * static_cast<std::size_t>(params.filtered++)];
    for (std::size_t k = 0; k < filter.size(); ++k) to[k] = alpha * filter[k] + (k == 4 ? 1 - alpha : 0);
}

/// imgaug's Emboss, EdgeDetect and Sharpen with its default ranges (imgaug 0.4, augmenters/convolutional.py).
void add_emboss(AugmentParams& params, float alpha, float amount) {
    const float s = 0.25f + 0.75f * amount;
    blend_filter(params, alpha, {-1 - s, -s, 0, -s, 1, s, 0, s, 1 + s});
}
void add_edges(AugmentParams& params, float alpha) {
    blend_filter(params, 0.75f * alpha, {0, 1, 0, 1, -4, 1, 0, 1, 0});
}
void add_sharpening(AugmentParams& params, float alpha, float amount) {
    blend_filter(params, 0.2f * alpha, {-1, -1, -1, -1, 8.8f + 0.4f * amount, -1, -1, -1, -1});
}

void draw_one_filter(AugmentParams& params, const AugmentConfig& config, Philox& random) {
    const float which = random.uniform(), alpha = random.uniform(), amount = random.uniform();
    if (config.filters_together) return;
    if (which < config.emboss) {
        add_emboss(params, alpha, amount);
    } else if (which < config.emboss + config.edges) {
        add_edges(params, alpha);
    } else if (which < config.emboss + config.edges + config.sharpen) {
        add_sharpening(params, alpha, amount);
    }
}

void draw_filters(AugmentParams& params, const AugmentConfig& config, Philox& random) {
    std::array<float, 9> drawn{};
    for (float& number : drawn) number = random.uniform();
    if (!config.filters_together) return;
    if (drawn[0] < config.emboss) add_emboss(params, drawn[1], drawn[2]);
    if (drawn[3] < config.edges) add_edges(params, drawn[4]);
    if (drawn[6] < config.sharpen) add_sharpening(params, drawn[7], drawn[8]);
    params.filters_clipped = 1;
}

float luma(const std::array<float, 3>& rgb) { return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; }

float log_uniform(Philox& random, float low, float high) {
    return low * std::exp(random.uniform() * std::log(high / low));
}

/// Uniform up to `range`, either way; 0 where `applies` does not.
float either_way(Philox& random, float range, bool applies = true) {
    const float drawn = random.uniform(-1, 1);
    return applies ? range * drawn : 0;
}

void draw_rectangles(AugmentParams& params, float probability, Philox& random, int height, int width) {
    constexpr auto most = static_cast<int>(std::tuple_size_v<decltype(params.rectangle)>);
    const bool applies = random.uniform() < probability;
    const int count = 1 + static_cast<int>(random.below(most));
    for (auto& [top, left, bottom, right] : params.rectangle) {
        const auto side = [&random](int size) {
            return std::max(1, static_cast<int>(random.uniform(0.05f, 0.25f) * static_cast<float>(size)));
        };
        const int high = side(height), wide = side(width);
        top = static_cast<int>(random.below(static_cast<std::uint32_t>(height - high + 1)));
        left = static_cast<int>(random.below(static_cast<std::uint32_t>(width - wide + 1)));
        bottom = top + high;
        right = left + wide;
    }
    params.rectangles = applies ? count : 0;
}

/// The part of the frame that is seen. `scaled`: whether its size is drawn.
void draw_crop(AugmentParams& params, const AugmentConfig& config, Philox& random, bool scaled, int out_height,
               int out_width) {
    const float source_width = params.width, source_height = params.height;
    const bool even = config.scale_distribution == Distribution::uniform;
    const float drawn = even ? random.uniform(config.scale_min, config.scale_max)
                             : log_uniform(random, config.scale_min, config.scale_max);
    const float scale = scaled ? drawn : 1;
    const float aspect = std::sqrt(log_uniform(random, 1 / (1 + config.aspect), 1 + config.aspect));
    if (config.base_size > 0) {
        const float pixels = std::min(source_height, source_width) / static_cast<float>(config.base_size);
        params.width = static_cast<float>(out_width) * pixels;
        params.height = static_cast<float>(out_height) * pixels;
    }
    params.width = params.width / (scale * aspect);
    params.height = params.height / scale * aspect;
    params.left = random_corner(random, source_width, params.width);
    params.top = random_corner(random, source_height, params.height);
    if (config.base_size == 0) return;
    params.left = std::max(params.left, 0.0f);
    params.top = std::max(params.top, 0.0f);
}

}  // namespace

void check_augmentation(const AugmentConfig& a) {
    if (a.enabled && !(a.scale_min > 0 && a.scale_max >= a.scale_min))
        fail_usage("augmentation: a scale from {} to {}: give numbers above 0, the smaller first", a.scale_min,
                   a.scale_max);
    if (a.enabled && !(a.aspect >= 0)) fail_usage("augmentation: an aspect of {} is below 0", a.aspect);
    for (const float share : {a.flip, a.flip_vertical, a.emboss, a.edges, a.sharpen, a.affine_probability, a.clahe,
                              a.lighting_probability, a.cutout}) {
        if (!(share >= 0 && share <= 1)) fail_usage("augmentation: a probability of {} is not in 0..1", share);
    }
    if (const float any = a.emboss + a.edges + a.sharpen; any > 1 && !a.filters_together)
        fail_usage(
            "augmentation: emboss, edges and sharpen come to {} and at most one is applied: give 1 or less, or "
            "filters_together, which draws each by itself",
            any);
    for (const float range : {a.brightness, a.contrast, a.saturation}) {
        if (!(range >= 0 && range <= 1)) fail_usage("augmentation: a colour range of {} is not in 0..1", range);
    }
    const auto check_range = [](const char* what, float range, float most) {
        if (!(range >= 0 && range <= most)) fail_usage("augmentation: {} of {} is not in 0..{:g}", what, range, most);
    };
    check_range("a rotation", a.rotate, 180);
    check_range("a warp", a.warp, most_warp);
    check_range("a blur", a.blur, most_blur);
    check_range("a hue", a.hue, 0.5);
    check_range("lighting", a.lighting, most_lighting);
    check_range("a gamma", a.gamma, 10);
    check_range("noise", a.noise, 1);
}

AugmentConfig whole_frames(const AugmentConfig& config) {
    return {.interpolation = config.interpolation,
            .padding = config.padding,
            .base_size = config.base_size,
            .scale_min = 1,
            .scale_max = 1,
            .scale_distribution = config.scale_distribution,
            .aspect = 0,
            .affine_probability = config.affine_probability,
            .flip = 0,
            .filters_together = config.filters_together,
            .brightness = 0,
            .contrast = 0,
            .saturation = 0,
            .lighting_probability = config.lighting_probability};
}

AugmentParams plain_resize(int source_height, int source_width, int out_height, int out_width,
                           Interpolation interpolation) {
    AugmentParams params;
    params.width = static_cast<float>(source_width);
    params.height = static_cast<float>(source_height);
    params.interpolation = interpolation;
    set_taps(params, out_height, out_width);
    return params;
}

AugmentParams sample_augmentation(const AugmentConfig& config, const Normalisation& normalisation, std::uint64_t seed,
                                  std::int64_t epoch, std::size_t index, int source_height, int source_width,
                                  int out_height, int out_width) {
    AugmentParams params = plain_resize(source_height, source_width, out_height, out_width, config.interpolation);
    if (!config.enabled) return params;
    const auto stream = [&](std::uint64_t part) {
        return Philox({seed, Stream::augmentation, (static_cast<std::uint64_t>(epoch) << 32 ^ index) + (part << 63)});
    };
    // Every number is drawn whatever the configuration, so that changing one range leaves the other draws alone.
    Philox random = stream(0), later = stream(1);
    const bool scaled = later.uniform() < config.affine_probability;
    draw_crop(params, config, random, scaled, out_height, out_width);
    params.flip = random.uniform() < config.flip ? 1 : 0;
    const float brightness = random.uniform(1 - config.brightness, 1 + config.brightness);
    const float contrast = random.uniform(1 - config.contrast, 1 + config.contrast);
    const float saturation = random.uniform(1 - config.saturation, 1 + config.saturation);
    params.flip_vertical = random.uniform() < config.flip_vertical ? 1 : 0;
    draw_one_filter(params, config, random);
    set_taps(params, out_height, out_width);
    // saturation: grey + (x - grey) s; contrast about the mean's grey m: (x - m) c + m; brightness: x b. All in one.
    const float mean_grey = luma(normalisation.mean);
    params.gain = brightness * contrast * saturation;
    params.mix = brightness * contrast * (1 - saturation);
    params.offset = brightness * (1 - contrast) * mean_grey;

    params.padding = config.padding;
    const bool rotated = later.uniform() < config.affine_probability;
    params.rotation = either_way(later, config.rotate, rotated) * (std::numbers::pi_v<float> / 180);
    const bool warped = later.uniform() < config.affine_probability;
    for (float& number : params.warp) number = either_way(later, config.warp, warped);
    params.equalised = later.uniform() < config.clahe ? 1 : 0;
    params.blur = later.uniform() * config.blur;
    if (params.blur < 0.2f) params.blur = 0;  // which changes no pixel by a level
    draw_filters(params, config, later);
    params.hue = either_way(later, config.hue) * (2 * std::numbers::pi_v<float>);
    params.gamma = log_uniform(later, 1 / (1 + config.gamma), 1 + config.gamma);
    const bool brighter = later.uniform() < config.lighting_probability;
    const float light = (1 + either_way(later, config.lighting, brighter)) / 2;
    params.logit_shift = std::log(light / (1 - light));
    const bool starker = later.uniform() < config.lighting_probability;
    const float scale = log_uniform(later, 1 - config.lighting, 1 / (1 - config.lighting));
    params.logit_scale = starker ? scale : 1;
    params.noise = later.uniform() * config.noise;
    const std::uint32_t low = later.next(), high = later.next();
    if (config.noise > 0) params.noise_key = {low, high};
    draw_rectangles(params, config.cutout, later, out_height, out_width);
    return params;
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
    std::vector<std::uint8_t> tables;
    if (params.equalised) tables = equalisation_tables(image);
    const pixel::Source source{image.data.data(), tables.empty() ? nullptr : tables.data()};
    if (!label) out_label = nullptr;
    for (int y = 0; y < out_height; ++y) {
        const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(y) * out_width;
        rows.make(source, ids, void_id, y, out + pixel * channels, out_label ? out_label + pixel : nullptr);
    }
}

void prepare_image(const Image& image, const Normalisation& normalisation, int out_height, int out_width, float* out,
                   Interpolation interpolation) {
    apply_augmentation(plain_resize(image.height, image.width, out_height, out_width, interpolation), image, nullptr,
                       normalisation, 0, out_height, out_width, out, nullptr);
}

}  // namespace camber
