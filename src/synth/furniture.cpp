#include <array>
#include <numbers>

#include "synth/street.h"

namespace camber::synth {
namespace {

std::vector<V2> disc(float x, float y, float r, int corners, float turn = 0) {
    std::vector<V2> points;
    for (int i = 0; i < corners; ++i) {
        const float a = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(corners) + turn;
        points.push_back({x + r * std::cos(a), y + r * std::sin(a)});
    }
    return points;
}

void box(Figure& figure, float x, float y, float wide, float tall, Colour colour) {
    const V2 points[] = {{x - wide / 2, y}, {x - wide / 2, y + tall}, {x + wide / 2, y + tall}, {x + wide / 2, y}};
    figure.polygon(points, colour);
}

constexpr Colour red{0.75f, 0.09f, 0.08f}, white{0.9f, 0.9f, 0.88f}, blue{0.08f, 0.2f, 0.6f},
    yellow{0.85f, 0.68f, 0.1f}, green{0.05f, 0.3f, 0.17f}, black{0.06f, 0.06f, 0.06f};

void draw_plate(Figure& figure, int kind, float y) {
    switch (kind) {
        case 0:  // prohibition
            figure.polygon(disc(0, y, 0.36f, 18), red);
            figure.polygon(disc(0, y, 0.27f, 18), white);
            box(figure, -0.05f, y - 0.12f, 0.09f, 0.24f, black);
            box(figure, 0.1f, y - 0.12f, 0.09f, 0.24f, black);
            break;
        case 1:  // warning
            figure.polygon(disc(0, y, 0.45f, 3, std::numbers::pi_v<float> / 2), red);
            figure.polygon(disc(0, y, 0.28f, 3, std::numbers::pi_v<float> / 2), white);
            break;
        case 2:  // mandatory
            figure.polygon(disc(0, y, 0.34f, 18), blue);
            box(figure, 0, y - 0.18f, 0.08f, 0.36f, white);
            break;
        case 3:  // directions
            box(figure, 0.25f, y - 0.35f, 1.3f, 0.75f, white);
            box(figure, 0.25f, y - 0.31f, 1.22f, 0.67f, green);
            box(figure, 0.2f, y - 0.1f, 0.8f, 0.09f, white);
            box(figure, 0.3f, y + 0.12f, 0.7f, 0.09f, white);
            break;
        case 4:  // works, parking
            box(figure, 0, y - 0.3f, 0.55f, 0.7f, yellow);
            box(figure, 0, y - 0.05f, 0.35f, 0.08f, black);
            box(figure, 0, y + 0.12f, 0.35f, 0.08f, black);
            break;
        default:  // no parking
            figure.polygon(disc(0, y, 0.32f, 18), red);
            figure.polygon(disc(0, y, 0.25f, 18), blue);
            figure.limb(-0.2f, y + 0.2f, 0.2f, y - 0.2f, 0.04f, 0.04f, red);
            break;
    }
}

Colour random_metal(Painter& p) {
    return p.chance(0.5f) ? Colour{0.4f, 0.42f, 0.42f} * p.uniform(0.7f, 1.3f) : Colour{0.12f, 0.14f, 0.13f};
}

void post_shadow(Painter& p, V3 foot, float wide, float tall) {
    const V2 base[] = {{foot.x - wide / 2, foot.z}, {foot.x + wide / 2, foot.z}, {foot.x, foot.z + wide}};
    p.shade_ground(base, tall);
}

}  // namespace

Item make_lamp(Painter& p, int side, float s) {
    const auto i = static_cast<std::size_t>(side);
    const float out = side == 0 ? -1.0f : 1.0f;
    const V3 foot = p.street.at(p.street.kerb[i] + out * p.uniform(0.4f, 0.7f), 0, s);
    const float height = p.uniform(6, 9), arm = p.chance(0.7f) ? p.uniform(0.8f, 2.0f) : 0.0f;
    const Colour metal = random_metal(p);
    const float thick = p.uniform(0.07f, 0.11f);
    const int plate = p.chance(0.35f) ? p.pick(6) : -1;
    post_shadow(p, foot, thick * 2, height);
    const float sunlit = p.sunlit_at(foot);
    Canvas& canvas = p.canvas;
    return {
        foot.z, [=, &canvas] {
            Figure figure(canvas, foot, pole, sunlit);
            // Thinner than a pixel would vanish; annotators draw poles at least that wide too.
            const float t = std::max(thick, 0.9f / canvas.pixels_per_metre(foot.z));
            figure.limb(0, 0, 0, height * 0.25f, t * 1.4f, t * 1.3f, metal);
            figure.limb(0, height * 0.2f, 0, height, t, t * 0.7f, metal);
            if (arm > 0) {
                figure.limb(0, height, -out * arm, height + 0.35f, t * 0.7f, t * 0.6f, metal);
                figure.ellipse(-out * (arm + 0.25f), height + 0.36f, 0.4f, std::max(0.11f, t), {0.55f, 0.56f, 0.55f});
            } else {
                figure.ellipse(0, height + 0.15f, 0.28f, 0.2f, {0.7f, 0.7f, 0.66f});
            }
            if (plate >= 0) {
                Figure face(canvas, foot, sign, sunlit);
                draw_plate(face, plate, 2.5f);
            }
        }};
}

Item make_bollard(Painter& p, V3 foot) {
    const Colour paint = p.chance(0.6f) ? Colour{0.09f, 0.09f, 0.1f} : Colour{0.5f, 0.5f, 0.48f};
    const float height = p.uniform(0.8f, 1.1f);
    post_shadow(p, foot, 0.16f, height);
    const float sunlit = p.sunlit_at(foot);
    Canvas& canvas = p.canvas;
    return {foot.z, [=, &canvas] {
                Figure figure(canvas, foot, pole, sunlit);
                figure.limb(0, 0, 0, height, 0.1f, 0.08f, paint);
                box(figure, 0, height * 0.75f, 0.17f, 0.08f, white);
            }};
}

Item make_traffic_sign(Painter& p, V3 foot) {
    const int kind = p.pick(6), second = p.chance(0.3f) ? p.pick(6) : -1;
    const float height = p.uniform(2.2f, 2.9f);
    const Colour metal = random_metal(p);
    post_shadow(p, foot, 0.1f, height);
    const float sunlit = p.sunlit_at(foot);
    Canvas& canvas = p.canvas;
    return {foot.z, [=, &canvas] {
                const float t = std::max(0.045f, 0.8f / canvas.pixels_per_metre(foot.z));
                Figure(canvas, foot, pole, sunlit).limb(0, 0, 0, height + 0.2f, t, t, metal);
                Figure face(canvas, foot, sign, sunlit);
                draw_plate(face, kind, height);
                if (second >= 0) draw_plate(face, second, height - 0.85f);
            }};
}

Item make_traffic_light(Painter& p, V3 foot) {
    const int lit = p.pick(3);
    const float sunlit = p.sunlit_at(foot);
    post_shadow(p, foot, 0.15f, 3.2f);
    Canvas& canvas = p.canvas;
    return {foot.z, [=, &canvas] {
                const float t = std::max(0.06f, 0.8f / canvas.pixels_per_metre(foot.z));
                Figure(canvas, foot, pole, sunlit).limb(0, 0, 0, 2.4f, t, t, {0.2f, 0.2f, 0.2f});
                Figure face(canvas, foot, sign, 1);
                box(face, 0, 2.25f, 0.55f, 1.15f, white * 0.75f);
                box(face, 0, 2.28f, 0.47f, 1.09f, black);
                const Colour lamps[] = {{1.3f, 0.15f, 0.1f}, {1.2f, 0.75f, 0.1f}, {0.15f, 1.1f, 0.4f}};
                for (int i = 0; i < 3; ++i) {
                    face.ellipse(0, 3.18f - 0.34f * static_cast<float>(i), 0.12f, 0.12f,
                                 i == lit ? lamps[i] * 1.4f : lamps[i] * 0.12f);
                }
            }};
}

Item make_fence(Painter& p, V3 from, V3 to, float height) {
    const int kind = p.pick(3);  // railings, mesh, boards
    const Colour paint = kind == 2        ? Colour{0.4f, 0.3f, 0.2f} * p.uniform(0.7f, 1.2f)
                         : p.chance(0.5f) ? Colour{0.1f, 0.11f, 0.11f}
                                          : Colour{0.5f, 0.52f, 0.52f};
    const std::uint32_t salt = p.salt();
    const float sunlit = p.sunlit_at((from + to) * 0.5f);
    const float pitch = p.uniform(0.11f, 0.16f), post = p.uniform(1.6f, 2.4f);
    if (kind == 2) {
        const V2 base[] = {{from.x, from.z}, {to.x, to.z}};
        p.shade_ground(base, height);
    }
    Canvas& canvas = p.canvas;
    return {std::max(from.z, to.z) - 0.2f, [=, &canvas] {
                const Light& light = canvas.light;
                const V3 along = normalised(to - from), rise = {0, height, 0};
                const V3 outline[] = {from, from + rise, to + rise, to};
                const V3 normal = normalised({from.x < 0 ? 0.8f : -0.8f, 0.1f, -0.5f});
                const Colour tint = light.lit({1, 1, 1}, normal, sunlit);
                canvas.plane(outline, from, along, {0, 1, 0}, fence, [&](float u, float v, float z, Colour& c) {
                    const float across = u / pitch - static_cast<float>(floor_int(u / pitch));
                    const bool at_post = wrap(u, post) < 0.07f;
                    if (kind == 2) {
                        const float board =
                            0.75f + 0.4f * hash(floor_int(u / pitch), 0, salt) + 0.2f * noise(u * 20, v * 1.5f, salt);
                        c = light.hazed(paint * tint * (across < 0.07f ? board * 0.5f : board), z);
                        return true;
                    }
                    const bool rail = v > height - 0.07f || (v > 0.1f && v < 0.16f);
                    const Colour metal = light.hazed(paint * tint, z);
                    if (rail || at_post) {
                        c = metal;
                        return true;
                    }
                    // Bars finer than a pixel are a veil over what is behind.
                    const float fineness = clamp01(canvas.pixels_per_metre(z) * pitch / 3 - 0.3f);
                    const float bar = kind == 0 ? (across < 0.26f ? 1.0f : 0.0f)
                                                : ((across < 0.15f || wrap(v, pitch) < 0.02f) ? 1.0f : 0.0f);
                    c = mix(c, metal, 0.3f + (bar - 0.3f) * fineness);
                    return true;
                });
            }};
}

Item make_prop(Painter& p, V3 foot) {
    const int kind = p.pick(4);
    const Colour bins[] = {{0.1f, 0.25f, 0.15f}, {0.12f, 0.12f, 0.13f}, {0.3f, 0.2f, 0.12f}, {0.14f, 0.2f, 0.35f}};
    const Colour paint = bins[p.pick(4)];
    post_shadow(p, foot, 0.5f, 1.1f);
    const float sunlit = p.sunlit_at(foot);
    Canvas& canvas = p.canvas;
    return {foot.z, [=, &canvas] {
                Figure figure(canvas, foot, unlabelled, sunlit);
                switch (kind) {
                    case 0:  // wheeled bin
                        box(figure, 0, 0.05f, 0.5f, 0.9f, paint);
                        box(figure, 0, 0.95f, 0.58f, 0.12f, paint * 1.3f);
                        break;
                    case 1:  // pillar box
                        box(figure, 0, 0, 0.48f, 1.3f, red);
                        figure.ellipse(0, 1.35f, 0.28f, 0.16f, red * 0.9f);
                        box(figure, 0, 1.05f, 0.26f, 0.05f, black);
                        break;
                    case 2:  // cabinet
                        box(figure, 0, 0, 1.1f, 1.2f, Colour{0.25f, 0.32f, 0.27f});
                        break;
                    default:  // boxes and bags put out
                        box(figure, -0.2f, 0, 0.55f, 0.4f, {0.5f, 0.4f, 0.28f});
                        figure.ellipse(0.3f, 0.25f, 0.32f, 0.27f, black * 1.4f);
                        break;
                }
            }};
}

void paint_own_bonnet(Painter& p) {
    Canvas& canvas = p.canvas;
    const float width = static_cast<float>(canvas.width), height = static_cast<float>(canvas.height);
    const float rise = p.uniform(0.025f, 0.07f) * height, middle = p.uniform(0.5f, 0.9f) * width;
    std::vector<V2> outline = {{0, height + 1}};
    for (int i = 0; i <= 16; ++i) {
        const float x = width * static_cast<float>(i) / 16, from_middle = (x - middle) / width;
        outline.push_back({x, height - rise * (1 - 1.1f * from_middle * from_middle)});
    }
    outline.push_back({width, height + 1});
    const Colour paint = Colour{0.1f, 0.1f, 0.12f} * p.uniform(0.5f, 2.0f);
    const std::uint32_t salt = p.salt();
    canvas.fill(outline, unlabelled, [&](int x, int y) {
        const float shine = noise(static_cast<float>(x) * 0.012f, static_cast<float>(y) * 0.1f, salt);
        return mix(paint, Colour{0.8f, 0.85f, 0.9f}, 0.5f * shine * shine) * (canvas.light.ambient + 0.3f);
    });
}

}  // namespace camber::synth
