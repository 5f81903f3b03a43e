#include <numbers>

#include "synth/street.h"

namespace camber::synth {
namespace {

struct Branch {
    V2 from, to;
    float thick;
};

/// A bare crown: every branch forks until it is a twig.
void grow(std::vector<Branch>& branches, Philox& random, V2 from, float angle, float reach, float thick, int level) {
    const V2 to = {from.x + reach * std::sin(angle), from.y + reach * std::cos(angle)};
    branches.push_back({from, to, thick});
    if (level == 0) return;
    const int forks = level > 3 ? 3 : 2;
    for (int i = 0; i < forks; ++i) {
        const float turn = (static_cast<float>(i) - static_cast<float>(forks - 1) / 2) * random.uniform(0.5f, 0.9f) +
                           random.uniform(-0.25f, 0.25f);
        grow(branches, random, to, (angle + turn) * 0.95f, reach * random.uniform(0.62f, 0.82f), thick * 0.6f,
             level - 1);
    }
}

Colour random_leaf(Painter& p) {
    const Colour kinds[] = {{0.24f, 0.33f, 0.12f}, {0.18f, 0.27f, 0.13f}, {0.33f, 0.36f, 0.14f}, {0.36f, 0.28f, 0.13f}};
    return kinds[p.pick(4)] * p.uniform(0.75f, 1.2f);
}

}  // namespace

Item make_tree(Painter& p, V3 foot, float height, bool bare) {
    const float spread = height * p.uniform(0.28f, 0.4f), trunk = height * p.uniform(0.018f, 0.028f);
    const float crown_y = height - spread * p.uniform(0.8f, 1.0f);
    const float tall = (height - crown_y) / spread;  // vertical radius over horizontal
    const Colour leaf = random_leaf(p), bark = Colour{0.22f, 0.18f, 0.14f} * p.uniform(0.7f, 1.3f);
    const std::uint32_t salt = p.salt();
    const float ragged = p.uniform(0.45f, 0.85f);
    std::vector<Branch> branches;
    if (bare) {
        const float bole = height * p.uniform(0.22f, 0.32f);
        for (int i = 0; i < 3; ++i) {
            grow(branches, p.random, {0, bole}, (static_cast<float>(i) - 1) * p.uniform(0.3f, 0.6f), height * 0.24f,
                 trunk * 0.8f, 5);
        }
        branches.push_back({{0, 0}, {0, bole}, trunk * 1.5f});
    }
    // The shade of a crown, as a blot where it falls.
    const Light& sun = p.canvas.light;
    if (sun.sun > 0.1f && !bare) {
        std::vector<V2> blot;
        const V2 at = {foot.x - sun.to_sun.x / sun.to_sun.y * crown_y, foot.z - sun.to_sun.z / sun.to_sun.y * crown_y};
        for (int i = 0; i < 14; ++i) {
            const float a = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / 14;
            const float r = spread * (0.75f + 0.4f * hash(i, 3, salt));
            blot.push_back({at.x + r * std::cos(a), at.y + 1.5f * r * std::sin(a)});
        }
        p.canvas.cast_shadow(blot, 0.75f);
    }
    const V2 stem[] = {{foot.x - trunk, foot.z}, {foot.x + trunk, foot.z}};
    if (sun.sun > 0.1f) p.shade_ground(stem, crown_y);
    const float sunlit = p.sunlit_at(foot);
    Canvas& canvas = p.canvas;
    return {
        foot.z, [=, &canvas] {
            if (foot.z < 1.2f) return;
            const Light& light = canvas.light;
            const float scale = canvas.pixels_per_metre(foot.z);
            if (bare) {
                // Annotators outline a bare crown as a whole; so does the id, while the sky shows through.
                float lo = 0, hi = 0, top = 0;
                for (const Branch& b : branches) {
                    lo = std::min(lo, b.to.x);
                    hi = std::max(hi, b.to.x);
                    top = std::max(top, b.to.y);
                }
                const V2 c = canvas.project({foot.x + (lo + hi) / 2, (top + crown_y * 0.62f) / 2, foot.z});
                const float rx = (hi - lo) / 2 * scale, ry = (top - crown_y * 0.62f) / 2 * scale;
                std::vector<V2> outline;
                for (int i = 0; i < 40; ++i) {
                    const float a = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / 40;
                    const float r = 0.88f + 0.2f * hash(i, 9, salt);
                    outline.push_back({c.x + rx * r * std::cos(a), c.y + ry * r * std::sin(a)});
                }
                canvas.scan(outline, [&](int x, int y) {
                    canvas.id(x, y) = tree;
                    // Twigs too fine to draw one by one veil what is behind.
                    const float veil =
                        0.45f * noise(static_cast<float>(x) * 0.35f, static_cast<float>(y) * 0.35f, salt);
                    Colour& there = canvas.colour(x, y);
                    there = mix(there, light.hazed(light.lit(bark * 1.3f, {0, 0.5f, -0.8f}, sunlit), foot.z), veil);
                });
                Figure figure(canvas, foot, tree, sunlit);
                for (const Branch& b : branches) {
                    const float t = std::max(b.thick, 0.35f / scale);
                    figure.limb(b.from.x, b.from.y, b.to.x, b.to.y, t, t * 0.7f, bark);
                }
                return;
            }
            Figure(canvas, foot, tree, sunlit).limb(0, -0.1f, 0, crown_y, trunk * 1.4f, trunk, bark);
            const V2 c = canvas.project({foot.x, crown_y, foot.z});
            const float r = spread * scale, ry = r * tall;
            const float grain = 6.0f / std::max(r, 4.0f), leafy = std::min(0.6f, 45.0f / std::max(r, 1.0f));
            const V2 box[] = {{c.x - 1.3f * r, c.y - 1.3f * ry},
                              {c.x + 1.3f * r, c.y - 1.3f * ry},
                              {c.x + 1.3f * r, c.y + 1.3f * ry},
                              {c.x - 1.3f * r, c.y + 1.3f * ry}};
            canvas.scan(box, [&](int x, int y) {
                const float dx = (static_cast<float>(x) - c.x) / r, dy = (static_cast<float>(y) - c.y) / ry;
                const float inside = dx * dx + dy * dy;
                if (inside > 1.6f) return;
                const float fx = static_cast<float>(x), fy = static_cast<float>(y);
                const float clump = noise(fx * grain * 0.45f, fy * grain * 0.45f, salt);
                const float tuft = noise(fx * grain * 1.7f, fy * grain * 1.7f, salt + 1);
                if (inside + ragged * (clump - 0.5f) + 0.35f * (tuft - 0.5f) > 0.92f) return;
                const float twinkle = noise(fx * leafy, fy * leafy, salt + 2);
                const V3 normal = normalised({dx + 0.9f * (clump - 0.5f), -dy + 0.9f * (tuft - 0.5f) + 0.2f, -0.7f});
                const float deep = 0.35f + 0.5f * tuft + 0.55f * twinkle * (0.4f + clump);
                canvas.colour(x, y) = light.hazed(light.lit(leaf * deep, normal, sunlit), foot.z);
                canvas.id(x, y) = tree;
            });
        }};
}

Item make_hedge(Painter& p, V3 from, V3 to, float height) {
    const Colour leaf = random_leaf(p) * 0.9f;
    const std::uint32_t salt = p.salt();
    const V2 base[] = {{from.x, from.z}, {to.x, to.z}};
    p.shade_ground(base, height);
    const float sunlit = p.sunlit_at((from + to) * 0.5f);
    Canvas& canvas = p.canvas;
    return {std::max(from.z, to.z) - 0.1f, [=, &canvas] {
                const Light& light = canvas.light;
                const V3 along = normalised(to - from);
                const V3 rise = {0, height * 1.2f, 0};
                const V3 outline[] = {from, from + rise, to + rise, to};
                canvas.plane(outline, from, along, {0, 1, 0}, tree, [&](float u, float v, float z, Colour& c) {
                    const float edge = noise(u * 1.6f, 0, salt) * 0.3f + noise(u * 6, v * 6, salt) * 0.12f;
                    if (v > height * (0.85f + edge)) return false;
                    const float n = 0.4f + 0.55f * noise(u * 3, v * 3, salt) + 0.5f * noise(u * 11, v * 11, salt + 1);
                    c = light.hazed(light.lit(leaf * n, {0, 0.4f, -0.7f}, sunlit * (0.4f + v / height)), z);
                    return true;
                });
            }};
}

}  // namespace camber::synth
