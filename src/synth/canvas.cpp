#include "synth/canvas.h"

#include <array>
#include <numbers>

namespace camber::synth {

const float* noise_table() {
    static const auto table = [] {
        std::vector<float> heights;
        for (std::int32_t i = 0; i < noise_cells * noise_cells; ++i)
            heights.push_back(hash(i % noise_cells, i / noise_cells));
        return heights;
    }();
    return table.data();
}

Canvas::Canvas(int rows, int columns) : height(rows), width(columns) {
    const auto pixels = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
    colours_.resize(pixels);
    ids_.assign(pixels, static_cast<std::uint8_t>(sky));
    shadows_.resize(pixels);
}

int Canvas::clip_and_project(std::span<const V3> polygon, V2* out) const {
    int count = 0;
    for (std::size_t i = 0; i < polygon.size() && count < 22; ++i) {
        const V3 a = polygon[i], b = polygon[(i + 1) % polygon.size()];
        if (a.z >= near) out[count++] = project(a);
        if ((a.z >= near) != (b.z >= near)) {
            V3 cut = a + (b - a) * ((near - a.z) / (b.z - a.z));
            cut.z = near;
            out[count++] = project(cut);
        }
    }
    return count;
}

void Canvas::plane(std::span<const V3> polygon, Id what, Colour flat) {
    V2 corners[24];
    const int count = clip_and_project(polygon, corners);
    if (count >= 3) fill(std::span<const V2>(corners, static_cast<std::size_t>(count)), what, flat);
}

void Canvas::cast_shadow(std::span<const V2> ground, float darkness) {
    std::vector<V3> points;
    for (const V2 p : ground) points.push_back({p.x, 0, p.y});
    V2 corners[24];
    const int count = clip_and_project(points, corners);
    if (count < 3) return;
    scan(std::span<const V2>(corners, static_cast<std::size_t>(count)), [&](int x, int y) {
        float& here = shadow(x, y);
        here = std::max(here, darkness);
    });
}

std::vector<V2> convex_hull(std::vector<V2> points) {
    std::sort(points.begin(), points.end(), [](V2 a, V2 b) { return a.x < b.x || (a.x == b.x && a.y < b.y); });
    const auto turn = [](V2 o, V2 a, V2 b) { return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x); };
    std::vector<V2> hull;
    for (int pass = 0; pass < 2; ++pass) {
        const std::size_t base = hull.size();
        for (const V2 p : points) {
            while (hull.size() >= base + 2 && turn(hull[hull.size() - 2], hull.back(), p) <= 0) hull.pop_back();
            hull.push_back(p);
        }
        hull.pop_back();
        std::reverse(points.begin(), points.end());
    }
    return hull;
}

Figure::Figure(Canvas& canvas, V3 foot, Id what, float sunlit, float squeeze)
    : canvas_(canvas), foot_(foot), what_(what), sunlit_(sunlit), squeeze_(squeeze) {}

V2 Figure::place(float x, float y) const { return canvas_.project({foot_.x + x * squeeze_, foot_.y + y, foot_.z}); }

void Figure::paint(std::span<const V2> pixels, Colour base, float middle, float half) {
    // Shaded as if round: the normal turns from the left edge to the right one.
    const Light& light = canvas_.light;
    const float left = canvas_.project({foot_.x + (middle - half) * squeeze_, 0, foot_.z}).x;
    const float right = canvas_.project({foot_.x + (middle + half) * squeeze_, 0, foot_.z}).x;
    const float lo = std::min(left, right), inv = 2 / std::max(std::abs(right - left), 1.0f);
    canvas_.fill(pixels, what_, [&](int x, int y) {
        const float across = std::clamp((static_cast<float>(x) - lo) * inv - 1, -1.0f, 1.0f);
        const V3 normal = {across * 0.9f, 0.15f, -std::sqrt(1 - 0.8f * across * across)};
        const float grain = 0.88f + 0.24f * hash(x >> 1, y >> 1, 77);
        return light.hazed(light.lit(base, normal, sunlit_) * grain, foot_.z);
    });
}

void Figure::polygon(std::span<const V2> points, Colour base) {
    if (foot_.z < Canvas::near) return;
    std::vector<V2> pixels;
    float lo = 1e9f, hi = -1e9f;
    for (const V2 p : points) {
        pixels.push_back(place(p.x, p.y));
        lo = std::min(lo, p.x);
        hi = std::max(hi, p.x);
    }
    paint(pixels, base, (lo + hi) / 2, (hi - lo) / 2);
}

void Figure::ellipse(float x, float y, float rx, float ry, Colour base) {
    std::array<V2, 16> points;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const float angle = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(points.size());
        points[i] = {x + rx * std::cos(angle), y + ry * std::sin(angle)};
    }
    polygon(points, base);
}

void Figure::limb(float x0, float y0, float x1, float y1, float r0, float r1, Colour base) {
    std::array<V2, 12> points;
    const float along = std::atan2(y1 - y0, x1 - x0);
    for (std::size_t i = 0; i < 6; ++i) {
        const float swing = std::numbers::pi_v<float> * (static_cast<float>(i) / 5 + 0.5f);
        points[i] = {x0 + r0 * std::cos(along + swing), y0 + r0 * std::sin(along + swing)};
        points[i + 6] = {x1 - r1 * std::cos(along + swing), y1 - r1 * std::sin(along + swing)};
    }
    polygon(points, base);
}

void Figure::claim(float x, float y, float rx, float ry) {
    if (foot_.z < Canvas::near) return;
    std::array<V2, 16> points;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const float angle = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(points.size());
        points[i] = place(x + rx * std::cos(angle), y + ry * std::sin(angle));
    }
    canvas_.scan(points, [&](int px, int py) { canvas_.id(px, py) = what_; });
}

}  // namespace camber::synth
