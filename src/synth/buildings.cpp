#include "synth/street.h"

namespace camber::synth {
namespace {

enum class Wall { brick, render, stone, modern };

struct Facade {
    Wall wall = Wall::brick;
    Colour base, trim, glass, shopfront, door;
    float floor_height = 3, bay = 2.6f, window_width = 1.1f, window_height = 1.5f;
    float height = 9;
    bool shop = false, mortar = true;
    std::uint32_t salt = 0;
    float dirt = 0.3f;
};

Colour wall_colour(const Facade& f, float u, float v, float detail) {
    float value = 1 + 0.18f * (noise(u * 0.5f, v * 0.35f, f.salt) - 0.5f);
    const float grain = detail > 0 ? noise(u * 7, v * 7, f.salt + 1) - 0.5f : 0.0f;
    switch (f.wall) {
        case Wall::brick: {
            const int course = floor_int(v / 0.15f);
            const int brick = floor_int((u + (course & 1 ? 0.15f : 0.0f)) / 0.3f);
            value += (0.4f * (hash(brick, course, f.salt) - 0.5f) + 0.15f * grain) * detail;
            break;
        }
        case Wall::stone: {
            const int course = floor_int(v / 0.45f);
            const int block = floor_int((u + (course & 1 ? 0.5f : 0.0f)) / 1.0f);
            value += (0.16f * (hash(block, course, f.salt) - 0.5f) + 0.12f * grain) * detail;
            break;
        }
        case Wall::render:
            value += 0.1f * grain * detail;
            break;
        case Wall::modern: {
            const float seam = u / f.bay * 2 - static_cast<float>(floor_int(u / f.bay * 2));
            value += (0.06f * grain - (seam < 0.03f ? 0.25f : 0.0f)) * detail;
            break;
        }
    }
    // Rain streaks below sills, splash at the foot.
    value -= f.dirt * (0.35f * smooth(1.2f, 0.0f, v) + 0.15f * noise(u * 2.3f, v * 0.25f, f.salt + 4));
    return f.base * value;
}

/// The pane at one window: what it mirrors depends on the window, and curtains show in some.
Colour pane_colour(const Facade& f, int column, int row, float u, float v) {
    const float mood = hash(column, row, f.salt + 7);
    Colour c = f.glass * (0.45f + 0.9f * mood);
    c = mix(c, Colour{0.62f, 0.68f, 0.76f}, smooth(0.3f, 1.0f, v + 0.4f * (mood - 0.5f)) * (0.15f + 0.5f * mood));
    if (mood > 0.72f && (u < 0.22f || u > 0.78f)) c = Colour{0.6f, 0.57f, 0.5f};
    return c;
}

Colour facade_colour(const Facade& f, float u, float v, float pixels_per_metre) {
    const float detail = clamp01((pixels_per_metre - 8) / 30);
    const float bay_at = u / f.bay;
    const int column = floor_int(bay_at);
    const float in_bay = (bay_at - static_cast<float>(column)) * f.bay;
    if (f.shop && v < f.floor_height + 0.6f) {
        if (v > f.floor_height) {  // name board
            const float letters = noise(u * 3.1f, v * 4, f.salt + 3);
            return letters > 0.62f && v > f.floor_height + 0.15f && v < f.floor_height + 0.45f ? f.trim : f.shopfront;
        }
        if (v < 0.45f) return f.shopfront * 0.7f;
        const float post = in_bay / f.bay;
        if (post < 0.05f || post > 0.95f) return f.shopfront;
        if (hash(column, 0, f.salt + 5) > 0.75f && v < 2.2f && post > 0.3f && post < 0.65f) return f.door;
        // Displays behind the glass.
        const float goods = noise(u * 2.2f, v * 2.2f, f.salt + 8);
        const Colour inside = mix({0.07f, 0.07f, 0.08f}, {0.55f, 0.48f, 0.36f}, smooth(0.5f, 0.9f, goods) * 0.7f);
        return mix(inside, Colour{0.5f, 0.56f, 0.62f}, 0.12f + 0.2f * smooth(1.2f, 3.0f, v));
    }
    const int row = floor_int(v / f.floor_height);
    const float in_floor = v - static_cast<float>(row) * f.floor_height;
    if (v > f.height - 0.35f) return f.trim * 0.9f;  // cornice
    const float du = in_bay - (f.bay - f.window_width) / 2, dv = in_floor - 0.85f;
    const bool door = !f.shop && row == 0 && hash(column, 1, f.salt + 5) > 0.66f;
    if (door && du > 0 && du < 1.0f && in_floor < 2.2f) {
        return du < 0.1f || du > 0.9f || in_floor > 2.1f ? f.trim : f.door;
    }
    const float top = f.window_height;
    if (!door && du > -0.12f && du < f.window_width + 0.12f && dv > -0.14f && dv < top + 0.12f) {
        if (du > 0 && du < f.window_width && dv > 0 && dv < top) {
            const float pu = du / f.window_width, pv = dv / top;
            const bool frame = du < 0.06f || du > f.window_width - 0.06f || dv < 0.06f || dv > top - 0.06f ||
                               std::abs(pv - 0.5f) < 0.025f || (f.window_width > 0.9f && std::abs(pu - 0.5f) < 0.02f);
            return frame ? f.trim : pane_colour(f, column, row, pu, pv);
        }
        if (dv < 0 || dv > top) return mix(wall_colour(f, u, v, detail), f.trim, 0.55f);  // sill, lintel
    }
    return wall_colour(f, u, v, detail);
}

Facade random_facade(Painter& p) {
    Facade f;
    f.wall = static_cast<Wall>(p.pick(4));
    const float tone = p.uniform(0.75f, 1.15f);
    switch (f.wall) {
        case Wall::brick:
            f.base = (p.chance(0.5f) ? Colour{0.52f, 0.36f, 0.27f} : Colour{0.58f, 0.51f, 0.38f}) * tone;
            break;
        case Wall::render:
            f.base = Colour{p.uniform(0.62f, 0.85f), p.uniform(0.62f, 0.8f), p.uniform(0.55f, 0.75f)} * tone;
            break;
        case Wall::stone:
            f.base = Colour{0.6f, 0.55f, 0.46f} * tone;
            break;
        case Wall::modern:
            f.base = Colour{0.5f, 0.52f, 0.54f} * tone;
            break;
    }
    f.trim = p.chance(0.75f) ? Colour{0.84f, 0.83f, 0.8f} : Colour{0.22f, 0.2f, 0.19f};
    f.glass = Colour{0.14f, 0.17f, 0.2f} * p.uniform(0.6f, 1.3f);
    const Colour paints[] = {{0.12f, 0.2f, 0.42f},  {0.5f, 0.1f, 0.1f},  {0.1f, 0.3f, 0.2f},
                             {0.14f, 0.14f, 0.15f}, {0.7f, 0.62f, 0.2f}, {0.75f, 0.73f, 0.7f}};
    f.shopfront = paints[p.pick(6)] * p.uniform(0.8f, 1.2f);
    f.door = paints[p.pick(6)] * p.uniform(0.7f, 1.1f);
    f.floor_height = p.uniform(2.7f, 3.5f);
    f.bay = f.wall == Wall::modern ? p.uniform(1.6f, 2.6f) : p.uniform(2.2f, 3.8f);
    f.window_width = std::min(f.bay * 0.75f, f.wall == Wall::modern ? f.bay * 0.8f : p.uniform(0.9f, 1.5f));
    f.window_height = std::min(f.floor_height - 1.2f, p.uniform(1.2f, 1.9f));
    f.height = f.floor_height * static_cast<float>(2 + p.pick(p.chance(0.3f) ? 4 : 2)) + p.uniform(0.3f, 0.9f);
    f.shop = p.chance(0.4f);
    f.salt = p.salt();
    f.dirt = p.uniform(0.1f, 0.45f);
    return f;
}

}  // namespace

Item make_building(Painter& p, int side, float setback, float begin, float end) {
    const Facade facade = random_facade(p);
    const float out = side == 0 ? -1.0f : 1.0f;
    const float lateral = p.street.frontage(side) + out * setback;
    const V3 near = p.street.at(lateral, 0, begin), far = p.street.at(lateral, 0, end);
    const bool pitched = p.chance(0.65f);
    const float rise = pitched ? p.uniform(1.8f, 3.2f) : 0.0f, depth = p.uniform(7, 11);
    const Colour tiles = p.chance(0.6f) ? Colour{0.25f, 0.25f, 0.28f} : Colour{0.4f, 0.24f, 0.18f};
    const int chimneys = pitched ? p.pick(3) : 0;
    const float chimney_at = p.uniform(0.1f, 0.4f);
    const V2 base[] = {{near.x, near.z}, {far.x, far.z}, {far.x + out * depth, far.z}, {near.x + out * depth, near.z}};
    p.shade_ground(base, facade.height + rise * 0.5f);

    Canvas& canvas = p.canvas;
    // A face lies in shade with its front ground when buildings across the street stand against the sun.
    const float sunlit = p.chance(0.75f) ? 1.0f : 0.2f;
    return {end, [=, &canvas] {
                const Light& light = canvas.light;
                const float h = facade.height;
                const V3 along = normalised(far - near), up = {0, 1, 0}, outward = {out * depth, 0, 0};
                const V3 front_normal = {-out, 0, 0};
                const auto lifted = [](V3 v, float y) { return V3{v.x, v.y + y, v.z}; };
                // The end wall that looks at the camera, with its gable.
                {
                    const V3 ridge = lifted(near + outward * 0.5f, h + rise);
                    const V3 outline[] = {near, lifted(near, h), ridge, lifted(near + outward, h), near + outward};
                    const Colour tint = light.lit({1, 1, 1}, {0, 0, -1}, sunlit);
                    canvas.plane(outline, near, {out, 0, 0}, up, building, [&](float u, float v, float z, Colour& c) {
                        const float detail = clamp01((canvas.pixels_per_metre(z) - 8) / 30);
                        c = light.hazed(wall_colour(facade, u + 31, v, detail) * tint, z);
                        return true;
                    });
                }
                if (pitched) {
                    const V3 outline[] = {lifted(near, h), lifted(far, h), lifted(far + outward * 0.5f, h + rise),
                                          lifted(near + outward * 0.5f, h + rise)};
                    const V3 slope = normalised(V3{out * depth * 0.5f, rise, 0});
                    const Colour tint = light.lit({1, 1, 1}, normalised({-out * rise, depth * 0.5f, 0}), sunlit);
                    canvas.plane(outline, outline[0], along, slope, building,
                                 [&](float u, float v, float z, Colour& c) {
                                     const int course = floor_int(v / 0.3f);
                                     const float n = 0.85f + 0.3f * hash(floor_int(u / 0.35f), course, facade.salt);
                                     c = light.hazed(tiles * tint * n, z);
                                     return true;
                                 });
                    for (int i = 0; i < chimneys; ++i) {
                        const float t = chimney_at + 0.5f * static_cast<float>(i);
                        const V3 foot = lifted(near + (far - near) * t + outward * 0.45f, h + rise - 0.5f);
                        const Colour brick = light.hazed(light.lit({0.45f, 0.3f, 0.24f}, {0, 0, -1}, sunlit), foot.z);
                        const V3 face[] = {foot, lifted(foot, 1.9f), lifted(foot, 1.9f) + V3{0.9f, 0, 0},
                                           foot + V3{0.9f, 0, 0}};
                        canvas.plane(face, building, brick);
                        const V3 flank[] = {foot, lifted(foot, 1.9f), lifted(foot, 1.9f) + V3{0, 0, 1.2f},
                                            foot + V3{0, 0, 1.2f}};
                        canvas.plane(flank, building, brick * 0.8f);
                    }
                }
                const V3 outline[] = {near, lifted(near, h), lifted(far, h), far};
                const Colour tint = light.lit({1, 1, 1}, front_normal, sunlit);
                canvas.plane(outline, near, along, up, building, [&](float u, float v, float z, Colour& c) {
                    c = light.hazed(facade_colour(facade, u, v, canvas.pixels_per_metre(z)) * tint, z);
                    return true;
                });
            }};
}

}  // namespace camber::synth
