#include "synth/street.h"

namespace camber::synth {
namespace {

struct Clothes {
    Colour coat, trousers, skin, hair, shoes;
};

Clothes random_clothes(Painter& p) {
    const Colour coats[] = {{0.1f, 0.1f, 0.12f}, {0.15f, 0.17f, 0.28f}, {0.45f, 0.1f, 0.1f},   {0.3f, 0.28f, 0.22f},
                            {0.6f, 0.6f, 0.58f}, {0.2f, 0.32f, 0.22f},  {0.55f, 0.45f, 0.32f}, {0.2f, 0.4f, 0.6f}};
    const Colour trousers[] = {{0.08f, 0.08f, 0.1f}, {0.14f, 0.18f, 0.3f}, {0.3f, 0.26f, 0.2f}, {0.2f, 0.2f, 0.21f}};
    const Colour skins[] = {{0.72f, 0.54f, 0.44f}, {0.62f, 0.45f, 0.35f}, {0.36f, 0.24f, 0.18f}, {0.78f, 0.62f, 0.53f}};
    const Colour hairs[] = {{0.08f, 0.06f, 0.05f}, {0.25f, 0.16f, 0.09f}, {0.5f, 0.4f, 0.24f}, {0.5f, 0.5f, 0.5f}};
    return {coats[p.pick(8)] * p.uniform(0.8f, 1.25f), trousers[p.pick(4)] * p.uniform(0.8f, 1.3f), skins[p.pick(4)],
            hairs[p.pick(4)], Colour{0.07f, 0.06f, 0.06f}};
}

void foot_shadow(Painter& p, V3 foot, float wide, float tall) {
    const V2 base[] = {{foot.x - wide, foot.z - 0.12f},
                       {foot.x + wide, foot.z - 0.12f},
                       {foot.x + wide, foot.z + 0.12f},
                       {foot.x - wide, foot.z + 0.12f}};
    p.shade_ground(base, tall);
    p.canvas.cast_shadow(base, 0.7f);
}

}  // namespace

Item make_pedestrian(Painter& p, V3 foot) {
    const Clothes wear = random_clothes(p);
    const float tall = p.chance(0.12f) ? p.uniform(1.1f, 1.4f) : p.uniform(1.58f, 1.88f);
    const float stride = p.uniform(0.02f, 0.26f), facing = p.chance(0.5f) ? 1.0f : -1.0f;
    const bool sideways = p.chance(0.45f), long_coat = p.chance(0.35f), bag = p.chance(0.4f);
    const float stout = p.uniform(0.88f, 1.18f);
    const float swing = p.uniform(-0.16f, 0.16f);
    foot_shadow(p, foot, 0.2f, tall);
    const float sunlit = p.sunlit_at(foot);
    const Colour bag_colour = Colour{0.2f, 0.16f, 0.12f} * p.uniform(0.5f, 2.2f);
    Canvas& canvas = p.canvas;
    return {
        foot.z, [=, &canvas] {
            Figure f(canvas, foot, pedestrian, sunlit);
            const float h = tall / 1.75f, wide = stout * h;
            const float apart = sideways ? stride : 0.09f * wide, knee = sideways ? stride * 0.35f : 0.09f * wide;
            const float shoulder = (sideways ? 0.14f : 0.21f) * wide;
            // Far leg, near leg: hip to knee to ankle, then the shoe.
            for (const float side : {-1.0f, 1.0f}) {
                const float dim = side < 0 && sideways ? 0.8f : 1.0f;
                f.limb(0.05f * side * wide, 0.86f * h, knee * side, 0.48f * h, 0.1f * wide, 0.075f * wide,
                       wear.trousers * dim);
                f.limb(knee * side, 0.48f * h, apart * side, 0.08f * h, 0.075f * wide, 0.05f * wide,
                       wear.trousers * dim);
                const float toe = sideways ? 0.1f * facing : 0.03f * side;
                f.limb(apart * side, 0.04f * h, apart * side + toe, 0.035f * h, 0.05f * wide, 0.04f * wide, wear.shoes);
            }
            const float hem = long_coat ? 0.55f * h : 0.82f * h;
            const float arm = sideways ? swing : shoulder + 0.07f * wide;
            if (!sideways || swing > 0) {
                f.limb(-shoulder, 1.36f * h, -arm, 1.08f * h, 0.06f * wide, 0.055f * wide, wear.coat * 0.85f);
                f.limb(-arm, 1.08f * h, -arm + 0.05f * facing, 0.86f * h, 0.055f * wide, 0.045f * wide,
                       wear.coat * 0.8f);
            }
            const V2 torso[] = {{-0.16f * wide, hem},          {-0.155f * wide, 1.05f * h},
                                {-shoulder, 1.36f * h},        {-shoulder * 0.75f, 1.44f * h},
                                {shoulder * 0.75f, 1.44f * h}, {shoulder, 1.36f * h},
                                {0.155f * wide, 1.05f * h},    {0.16f * wide, hem}};
            f.polygon(torso, wear.coat);
            f.limb(shoulder * 0.9f, 1.36f * h, arm, 1.08f * h, 0.06f * wide, 0.055f * wide, wear.coat * 0.92f);
            f.limb(arm, 1.08f * h, arm + 0.06f * facing, 0.86f * h, 0.055f * wide, 0.045f * wide, wear.coat * 0.92f);
            f.ellipse(arm + 0.07f * facing, 0.82f * h, 0.045f * h, 0.05f * h, wear.skin);
            if (bag) f.ellipse(-facing * 0.2f * wide, 0.95f * h, 0.1f * h, 0.15f * h, bag_colour);
            f.limb(0, 1.44f * h, 0, 1.52f * h, 0.055f * h, 0.055f * h, wear.skin * 0.85f);
            f.ellipse(0, 1.62f * h, 0.085f * h, 0.118f * h, wear.skin);
            f.ellipse(-0.015f * facing, 1.67f * h, 0.095f * h, 0.085f * h, wear.hair);
        }};
}

Item make_cyclist(Painter& p, V3 foot, bool along_street) {
    const Clothes wear = random_clothes(p);
    const bool bright = p.chance(0.3f), ridden = p.chance(0.88f), helmet = p.chance(0.5f);
    const float squeeze =
        (along_street ? p.uniform(0.12f, 0.35f) : p.uniform(0.75f, 1.0f)) * (p.chance(0.5f) ? 1.0f : -1.0f);
    const float crank = p.uniform(-1.2f, 1.2f);
    const Colour frame = Colour{p.uniform(0.05f, 0.6f), p.uniform(0.05f, 0.4f), p.uniform(0.05f, 0.5f)};
    foot_shadow(p, foot, 0.8f * std::abs(squeeze), ridden ? 1.6f : 0.9f);
    const float sunlit = p.sunlit_at(foot);
    Canvas& canvas = p.canvas;
    return {
        foot.z, [=, &canvas] {
            // In metres along the bicycle: rear hub -0.52, front hub 0.52, saddle -0.2, handlebar 0.42.
            Figure f(canvas, foot, bicyclist, sunlit, squeeze);
            Figure front(canvas, foot, bicyclist, sunlit, 1);  // parts that do not narrow when seen from behind
            const Colour tyre{0.06f, 0.06f, 0.06f}, coat = bright ? Colour{0.75f, 0.85f, 0.15f} : wear.coat;
            const float thin = std::max(0.02f, 0.6f / canvas.pixels_per_metre(foot.z));
            const float across = thin / std::max(std::abs(squeeze), 0.3f);
            for (const float hub : {-0.52f, 0.52f}) {
                f.claim(hub, 0.34f, 0.34f, 0.34f);
                for (int i = 0; i < 14; ++i) {
                    const float a = 0.4488f * static_cast<float>(i), b = a + 0.4488f;
                    f.limb(hub + 0.33f * std::cos(a), 0.34f + 0.33f * std::sin(a), hub + 0.33f * std::cos(b),
                           0.34f + 0.33f * std::sin(b), thin, thin, tyre);
                }
            }
            f.limb(-0.52f, 0.34f, 0, 0.32f, across, across, frame);
            f.limb(-0.2f, 0.85f, 0, 0.32f, across, across, frame);
            f.limb(-0.52f, 0.34f, -0.18f, 0.8f, across, across, frame);
            f.limb(0, 0.32f, 0.38f, 0.82f, across, across, frame);
            f.limb(-0.18f, 0.78f, 0.38f, 0.82f, across, across, frame);
            f.limb(0.52f, 0.34f, 0.36f, 0.98f, across, across, frame);
            front.limb(0.4f * squeeze - 0.22f, 1.0f, 0.4f * squeeze + 0.22f, 1.0f, thin, thin, tyre);
            f.limb(-0.3f, 0.9f, -0.12f, 0.9f, 0.04f, 0.03f, tyre);
            if (!ridden) return;
            const float wide = 0.35f + 0.65f * std::abs(squeeze);  // a back is broad even when the bicycle is edge on
            const float turn = squeeze < 0 ? -1.0f : 1.0f;
            Figure rider(canvas, foot, bicyclist, sunlit, turn * std::max(wide, 0.75f));
            const float lean = 0.28f * std::abs(squeeze);
            for (const float side : {-1.0f, 1.0f}) {
                const float a = crank + (side > 0 ? 3.14159f : 0.0f);
                const float offset = (1 - std::abs(squeeze)) * 0.11f * side;
                const float fx = 0.02f + 0.16f * std::cos(a) * std::abs(squeeze) + offset,
                            fy = 0.3f + 0.16f * std::sin(a);
                const float kx = 0.2f * std::abs(squeeze) + offset * 1.2f, ky = (0.95f + fy) / 2 + 0.05f;
                rider.limb(-0.2f * std::abs(squeeze) + offset * 0.5f, 0.95f, kx, ky, 0.1f, 0.075f,
                           wear.trousers * (side < 0 ? 0.8f : 1.0f));
                rider.limb(kx, ky, fx, fy, 0.07f, 0.05f, wear.trousers * (side < 0 ? 0.8f : 1.0f));
                rider.limb(fx, fy - 0.04f, fx + 0.1f, fy - 0.05f, 0.045f, 0.04f, wear.shoes);
            }
            const float hip = -0.2f * std::abs(squeeze);
            const V2 torso[] = {{hip - 0.15f, 0.88f},       {hip - 0.17f + lean * 0.6f, 1.25f},
                                {hip - 0.1f + lean, 1.47f}, {hip + 0.14f + lean, 1.47f},
                                {hip + 0.19f + lean, 1.3f}, {hip + 0.15f, 0.88f}};
            rider.polygon(torso, coat);
            rider.limb(hip + lean + 0.12f, 1.4f, 0.22f * std::abs(squeeze) + 0.16f, 1.15f, 0.06f, 0.05f, coat * 0.85f);
            rider.limb(0.22f * std::abs(squeeze) + 0.16f, 1.15f, 0.4f * std::abs(squeeze) + 0.12f, 1.0f, 0.05f, 0.04f,
                       coat * 0.85f);
            rider.ellipse(hip + lean + 0.08f, 1.6f, 0.09f, 0.12f, wear.skin);
            rider.ellipse(hip + lean + 0.06f, 1.66f, 0.11f, 0.085f, helmet ? Colour{0.75f, 0.75f, 0.78f} : wear.hair);
        }};
}

}  // namespace camber::synth
