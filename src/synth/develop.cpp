#include "synth/develop.h"

namespace camber::synth {
namespace {

/// A shoulder instead of a hard clip, as cameras do it: bright skies still burn out, but gently.
float tone(float x, float contrast) {
    x = std::max(x, 0.0f);
    const float bent = x < 0.7f ? x : 0.7f + 0.3f * (1 - std::exp(-(x - 0.7f) / 0.3f));
    const float curve = bent * bent * (3 - 2 * bent);
    return bent + (curve - bent) * (contrast - 1) * 2;
}

std::uint8_t majority(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    if (a == b || a == c || a == d) return a;
    if (b == c || b == d) return b;
    return c == d ? c : a;
}

Image half_labels(const Canvas& canvas) {
    Image label(canvas.height / 2, canvas.width / 2, 1);
    const auto stride = static_cast<std::size_t>(canvas.width);
    for (int y = 0; y < label.height; ++y) {
        const std::uint8_t* from = &canvas.ids()[static_cast<std::size_t>(y) * 2 * stride];
        for (int x = 0; x < label.width; ++x, from += 2) {
            *label.at(y, x) = majority(from[0], from[1], from[stride], from[stride + 1]);
        }
    }
    return label;
}

/// Leaves stretches of the outlines unlabelled, as hand-made maps do.
void blank_borders(Image& label, const Film& film) {
    if (film.void_borders <= 0) return;
    const Image before = label;
    for (int y = 1; y + 1 < label.height; ++y) {
        for (int x = 1; x + 1 < label.width; ++x) {
            const std::uint8_t here = *before.at(y, x);
            if (here == *before.at(y, x + 1) && here == *before.at(y + 1, x)) continue;
            if (noise(static_cast<float>(x) * 0.04f, static_cast<float>(y) * 0.04f, film.salt) < film.void_borders) {
                *label.at(y, x) = unlabelled;
            }
        }
    }
}

}  // namespace

Scene develop(const Canvas& canvas, const Film& film) {
    Scene scene;
    scene.label = half_labels(canvas);
    blank_borders(scene.label, film);
    const int height = scene.label.height, width = scene.label.width;
    const auto stride = static_cast<std::size_t>(canvas.width);
    std::vector<Colour> small(scene.label.pixels());
    for (int y = 0; y < height; ++y) {
        const Colour* from = &canvas.colours()[static_cast<std::size_t>(y) * 2 * stride];
        Colour* to = &small[static_cast<std::size_t>(y) * static_cast<std::size_t>(width)];
        for (int x = 0; x < width; ++x, from += 2, ++to) {
            *to = (from[0] + from[1] + from[stride] + from[stride + 1]) * 0.25f;
        }
    }
    scene.image = Image(height, width, 3);
    const float inv_height = 2.0f / static_cast<float>(height), inv_width = 2.0f / static_cast<float>(width);
    for (int y = 0; y < height; ++y) {
        const auto row = [&](int r) {
            return &small[static_cast<std::size_t>(std::clamp(r, 0, height - 1)) * static_cast<std::size_t>(width)];
        };
        const Colour *above = row(y - 1), *here = row(y), *below = row(y + 1);
        std::uint8_t* out = scene.image.at(y, 0);
        for (int x = 0; x < width; ++x, out += 3) {
            const int l = std::max(x - 1, 0), r = std::min(x + 1, width - 1);
            const Colour around = (above[x] + below[x] + here[l] + here[r]) * 0.25f;
            Colour c = mix(here[x], around, film.blur);
            const float dx = static_cast<float>(x) * inv_width - 1, dy = static_cast<float>(y) * inv_height - 1;
            c = c * film.balance * (film.exposure * (1 - film.vignette * 0.5f * (dx * dx + dy * dy)));
            const float grey = 0.299f * c.r + 0.587f * c.g + 0.114f * c.b;
            c = mix({grey, grey, grey}, c, film.saturation);
            // Two uniform numbers make a triangular one, close enough to a sensor's noise; stronger in the dark.
            const float rough = film.noise * (1.2f - 0.6f * clamp01(grey));
            const float common = hash(x, y, film.salt + 1) + hash(x, y, film.salt + 2) - 1;
            const float values[] = {c.r, c.g, c.b};
            for (int i = 0; i < 3; ++i) {
                const float own = hash(x, y, film.salt + 3 + static_cast<std::uint32_t>(i)) - 0.5f;
                const float v = tone(values[i], film.contrast) + rough * (common + 0.7f * own);
                out[i] = static_cast<std::uint8_t>(std::clamp(v * 255 + 0.5f, 0.0f, 255.0f));
            }
        }
    }
    return scene;
}

}  // namespace camber::synth
