#include "synth/street.h"

namespace camber::synth {

float Painter::sunlit_at(V3 ground) const {
    if (ground.z < Canvas::near) return 1;
    const V2 p = canvas.project({ground.x, 0, ground.z});
    const int x = std::clamp(static_cast<int>(p.x), 0, canvas.width - 1);
    const int y = std::clamp(static_cast<int>(p.y), 0, canvas.height - 1);
    return canvas.shadow(x, y) > 0.4f ? 0.15f : 1.0f;
}

void Painter::shade_ground(std::span<const V2> footprint, float tall) {
    const Light& light = canvas.light;
    if (light.sun < 0.1f || light.to_sun.y <= 0) return;
    const V2 throw_by = {-light.to_sun.x / light.to_sun.y * tall, -light.to_sun.z / light.to_sun.y * tall};
    std::vector<V2> points(footprint.begin(), footprint.end());
    for (const V2 p : footprint) points.push_back({p.x + throw_by.x, p.y + throw_by.y});
    canvas.cast_shadow(convex_hull(points), std::min(0.9f, 0.3f + light.sun * 0.6f));
}

void paint_sky(Painter& painter) {
    Canvas& canvas = painter.canvas;
    const Light& light = canvas.light;
    const std::uint32_t salt = painter.salt();
    const float cover = light.cloudy ? painter.uniform(0.35f, 0.8f) : painter.uniform(-0.3f, 0.3f);
    const float blue = painter.uniform(0.3f, 1.0f);
    const Colour zenith = mix({0.78f, 0.8f, 0.84f}, {0.36f, 0.55f, 0.86f}, blue);
    const Colour cloud_light{0.97f, 0.97f, 0.98f},
        cloud_dark = Colour{0.66f, 0.68f, 0.73f} * painter.uniform(0.75f, 1.1f);
    const float scale = painter.uniform(2.0f, 5.0f) / static_cast<float>(canvas.width);
    // Cameras expose for the street, so that most skies burn out.
    const float brightness =
        (0.6f + 0.65f * (light.sun * 0.5f + light.ambient)) * (painter.chance(0.4f) ? 1.45f : 1.0f);
    const float glow_x = canvas.project({light.to_sun.x * 50, 0, 40}).x / static_cast<float>(canvas.width);
    const int bottom = std::min(canvas.height, (static_cast<int>(canvas.horizon) + 5) / 2 * 2);
    // Nothing in the sky is finer than a final pixel: one value for 2 by 2.
    for (int y = 0; y < bottom; y += 2) {
        const float up = 1 - static_cast<float>(y) / std::max(canvas.horizon, 1.0f);
        // Clouds flatten towards the horizon.
        const float stretch = 2.2f / (0.25f + up);
        for (int x = 0; x < canvas.width; x += 2) {
            const float u = static_cast<float>(x) * scale, v = static_cast<float>(y) * scale * stretch;
            const float n = 0.6f * noise(u, v, salt) + 0.4f * noise(u * 2.7f, v * 2.7f, salt + 1);
            const float cloud = smooth(0.0f, 0.45f, n - 0.62f + cover * 0.6f);
            Colour c = mix(light.haze * 1.08f, zenith, smooth(0.0f, 0.9f, up));
            c = mix(c, mix(cloud_light, cloud_dark, smooth(0.45f, 0.8f, n)), cloud * 0.85f);
            const float dx = static_cast<float>(x) / static_cast<float>(canvas.width) - glow_x;
            c = c + light.tint * (0.22f * light.sun / (1 + 14 * dx * dx));
            canvas.colour(x, y) = canvas.colour(x + 1, y) = canvas.colour(x, y + 1) = canvas.colour(x + 1, y + 1) =
                c * brightness;
        }
    }
}

namespace {

struct GroundStyle {
    Colour asphalt, slab, kerb, grass, line;
    std::uint32_t salt;
    float patchy;
    float mid;  ///< lateral position of the centre line
};

Colour road_colour(const GroundStyle& style, const Street& street, float lateral, float s, float sharp) {
    const float blotch = noise(lateral * 0.9f, s * 0.22f, style.salt);
    const float grain = hash(static_cast<int>(lateral * 40), static_cast<int>(s * 40), style.salt) - 0.5f;
    // Tyres polish two tracks in each lane.
    const float track = std::abs(wrap(lateral - style.mid, 2.2f) - 1.1f);
    Colour c = style.asphalt * (1 + style.patchy * (blotch - 0.5f) + 0.22f * grain * sharp + 0.05f * track);
    // Trenches dug and filled again, and manholes.
    const float across = wrap(lateral, 3.7f), along_patch = wrap(s, 9.0f);
    const float patch = hash(floor_int(lateral / 3.7f), floor_int(s / 9.0f), style.salt + 5);
    if (patch > 0.82f && across > 0.6f && across < 0.8f + 2.4f * (patch - 0.82f) * 5 && along_patch < 2 + 6 * patch) {
        c = c * (patch > 0.92f ? 0.82f : 1.12f);
    } else if (patch < 0.1f) {
        const float dx = across - 1.5f, ds = along_patch - 4;
        if (dx * dx + ds * ds < 0.09f) c = c * 0.6f;
    }
    if (street.markings == 0) return c;
    const auto paint = [&](Colour colour, float cover) {
        const float worn = 0.5f + 0.5f * smooth(0.15f, 0.5f, noise(lateral * 6, s * 1.5f, style.salt + 9));
        c = mix(c, colour, cover * worn);
    };
    if (std::abs(lateral - style.mid) < 0.065f && wrap(s + static_cast<float>(style.salt % 97) * 0.06f, 6.0f) < 2.6f) {
        paint(style.line, 0.85f);
    }
    if (street.markings >= 2) {
        for (const float kerb : street.kerb) {
            const float from_kerb = std::abs(lateral - kerb);
            if ((from_kerb > 0.22f && from_kerb < 0.30f) || (from_kerb > 0.42f && from_kerb < 0.50f)) {
                paint({0.78f, 0.66f, 0.2f}, 0.65f);
            }
        }
    }
    if (street.markings >= 3) {
        const float along = s - street.crossing;
        if (along > 0 && along < 2.6f && wrap(lateral, 1.1f) < 0.55f) paint(style.line, 0.8f);
        if (along > -2.2f && along < -1.95f && lateral < style.mid) paint(style.line, 0.85f);
    }
    return c;
}

Colour slab_colour(const GroundStyle& style, float lateral, float s, float sharp) {
    const int row = floor_int(s / 0.6f);
    const float shift = row & 1 ? 0.3f : 0.0f;
    const int column = floor_int((lateral + shift) / 0.6f);
    Colour c = style.slab * (0.93f + 0.14f * hash(column, row, style.salt + 2) * sharp +
                             0.16f * (noise(lateral * 1.3f, s * 0.5f, style.salt + 3) - 0.5f));
    const float gap_x = (lateral + shift) / 0.6f - static_cast<float>(column),
                gap_s = s / 0.6f - static_cast<float>(row);
    if (gap_x < 0.05f || gap_s < 0.05f) c = c * (1 - 0.22f * sharp);
    return c * (1 + 0.1f * (hash(static_cast<int>(lateral * 45), static_cast<int>(s * 45), 3) - 0.5f) * sharp);
}

}  // namespace

void paint_ground(Painter& painter) {
    Canvas& canvas = painter.canvas;
    const Street& street = painter.street;
    const Light& light = canvas.light;
    GroundStyle style;
    const float tone = painter.uniform(0.3f, 0.46f);
    style.asphalt = {tone, tone * painter.uniform(0.98f, 1.02f), tone * painter.uniform(0.98f, 1.08f)};
    const float slab = painter.uniform(0.38f, 0.58f);
    style.slab = {slab, slab * painter.uniform(0.94f, 1.0f), slab * painter.uniform(0.86f, 1.0f)};
    style.kerb = style.slab * painter.uniform(1.05f, 1.25f);
    style.grass = {painter.uniform(0.22f, 0.32f), painter.uniform(0.32f, 0.42f), painter.uniform(0.12f, 0.2f)};
    style.line = Colour{0.85f, 0.85f, 0.82f} * painter.uniform(0.8f, 1.05f);
    style.salt = painter.salt();
    style.patchy = painter.uniform(0.15f, 0.4f);
    style.mid = (street.kerb[0] + street.kerb[1]) / 2;

    const V3 up = {0, 1, 0};
    const Colour open = light.lit({1, 1, 1}, up, 1), shaded = light.lit({1, 1, 1}, up, 0) * 0.85f;
    for (int y = std::max(0, static_cast<int>(canvas.horizon) + 1); y < canvas.height; ++y) {
        const float below = static_cast<float>(y) + 0.5f - canvas.horizon;
        if (below < 0.5f) continue;
        const float s = canvas.focal * canvas.eye / below;
        const float per_pixel = s / canvas.focal;
        const float centre = (street.yaw + street.bend * s) * s;
        // Detail finer than a pixel would only flicker; a pixel covers s / below metres along the street.
        const float sharp = clamp01(0.7f / (1 + s / below * 8));
        for (int x = 0; x < canvas.width; ++x) {
            const float lateral = (static_cast<float>(x) + 0.5f - canvas.centre_x) * per_pixel - centre;
            const int side = lateral < style.mid ? 0 : 1;
            const float beyond_kerb = side == 0 ? street.kerb[0] - lateral : lateral - street.kerb[1];
            const float beyond_walk = beyond_kerb - street.walk[static_cast<std::size_t>(side)];
            const Verge verge = street.verge_at(side, s);
            Id what = road;
            Colour base;
            if (beyond_kerb < 0 || (verge == Verge::side_street && s < Street::reach)) {
                base = road_colour(style, street, lateral, s, sharp);
            } else if (beyond_kerb < 0.16f) {
                what = pavement;
                base = style.kerb * (beyond_kerb < 0.05f ? 0.72f : 1.0f);
                if (wrap(s, 0.9f) < 0.03f) base = base * 0.8f;
            } else if (beyond_walk < 0 || verge == Verge::paved) {
                what = pavement;
                base = slab_colour(style, lateral, s, sharp);
            } else {
                what = tree;  // CamVid's low vegetation
                base = style.grass * (0.7f + 0.6f * noise(lateral * 4, s * 2, style.salt + 6) * sharp +
                                      0.4f * (hash(x, y, style.salt) - 0.5f) * sharp);
            }
            const Colour lit = base * mix(open, shaded, canvas.shadow(x, y));
            canvas.colour(x, y) = light.hazed(lit, s);
            canvas.id(x, y) = what;
        }
    }
}

void paint_backdrop(Painter& painter) {
    // The street's far end: rows of roofs and tree tops, so that the ground never meets an open horizon.
    Canvas& canvas = painter.canvas;
    const Light& light = canvas.light;
    for (int layer = 0; layer < 2; ++layer) {
        const float s = layer == 0 ? 190.0f : 150.0f;
        const float left = (-canvas.centre_x) * s / canvas.focal - 4;
        const float right = (static_cast<float>(canvas.width) - canvas.centre_x) * s / canvas.focal + 4;
        for (float x = left; x < right;) {
            const float wide = painter.uniform(8, 22);
            const bool green = painter.chance(0.45f);
            const float tall = (green ? painter.uniform(5, 11) : painter.uniform(5, 12)) * (layer == 0 ? 1.2f : 0.9f);
            const std::uint32_t salt = painter.salt();
            if (green) {
                const Colour leaf = Colour{0.2f, 0.26f, 0.14f} * painter.uniform(0.7f, 1.2f);
                std::vector<V3> outline = {{x, 0, s}};
                for (int i = 0; i <= 12; ++i) {
                    const float t = static_cast<float>(i) / 12;
                    outline.push_back({x + wide * 1.2f * t,
                                       tall * (0.45f + 0.55f * std::sqrt(std::max(0.0f, 4 * t * (1 - t)))) *
                                           (0.85f + 0.3f * hash(i, 0, salt)),
                                       s});
                }
                outline.push_back({x + wide * 1.2f, 0, s});
                canvas.plane(outline, {x, 0, s}, {1, 0, 0}, {0, 1, 0}, tree, [&](float u, float v, float z, Colour& c) {
                    const float n = 0.5f + 0.8f * noise(u * 1.1f, v * 1.1f, salt);
                    c = light.hazed(light.lit(leaf * n, {0, 0.7f, -0.7f}), z);
                    return true;
                });
            } else {
                const float warm = painter.uniform(0.8f, 1.1f), grey = painter.uniform(0.3f, 0.55f);
                const Colour wall = {grey * warm, grey * 0.93f, grey * 0.85f};
                const V3 outline[] = {{x, 0, s},
                                      {x, tall, s},
                                      {x + wide * 0.2f, tall + painter.uniform(0, 2.5f), s},
                                      {x + wide * 0.8f, tall + painter.uniform(0, 2.5f), s},
                                      {x + wide, tall, s},
                                      {x + wide, 0, s}};
                canvas.plane(outline, outline[0], {1, 0, 0}, {0, 1, 0}, building,
                             [&](float u, float v, float z, Colour& c) {
                                 const bool window = wrap(u, 2.6f) > 1.3f && wrap(v, 3.0f) > 1.4f && v < tall - 0.5f;
                                 const Colour base = v > tall ? wall * 0.55f : window ? wall * 0.5f : wall;
                                 c = light.hazed(light.lit(base, {0, 0, -1}), z);
                                 return true;
                             });
            }
            x += wide * painter.uniform(0.75f, 1.0f);
        }
    }
}

}  // namespace camber::synth
