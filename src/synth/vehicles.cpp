#include <array>
#include <numbers>

#include "synth/street.h"

namespace camber::synth {
namespace {

/// A vehicle's outline from the side, length along x from the tail (negative) to the nose, height along y.
struct Body {
    std::vector<V2> profile;                      ///< from the tail's foot over the roof to the nose's foot
    std::vector<bool> glass;                      ///< whether the face between corner i and i + 1 is a window
    float belt = 0.95f, roof = 1.45f;             ///< heights where the windows begin and end
    float half_width = 0.87f, narrowing = 0.14f;  ///< of the roof, each side
    float wheel_radius = 0.31f, wheel_front = 1.3f, wheel_rear = -1.3f;
    std::vector<std::array<float, 4>> side_windows;  ///< bottom-rear, bottom-front, top-rear, top-front x
    float length = 4.1f;
    bool van = false;
};

Body random_body(Painter& p) {
    Body b;
    const int kind = p.pick(10);
    if (kind < 5) {  // hatchback, estate
        const float l = p.uniform(3.7f, 4.5f) / 2, h = p.uniform(1.42f, 1.55f), estate = p.uniform(0, 0.35f);
        b.roof = h;
        b.belt = 0.93f;
        b.profile = {{-l, 0.28f},    {-l - 0.02f, 0.62f}, {-l + 0.08f, 0.93f}, {-l + 0.5f - estate, h - 0.06f},
                     {-l + 0.9f, h}, {0.25f, h - 0.02f},  {1.05f, 0.97f},      {l - 0.25f, 0.80f},
                     {l, 0.6f},      {l, 0.26f}};
        b.glass = {false, false, true, false, false, true, false, false, false};
        b.side_windows = {{-l + 0.35f, -0.45f, -l + 0.75f, -0.4f}, {-0.35f, 0.85f, -0.3f, 0.2f}};
        b.length = 2 * l;
    } else if (kind < 7) {  // saloon
        const float l = p.uniform(4.3f, 4.7f) / 2, h = p.uniform(1.38f, 1.45f);
        b.roof = h;
        b.belt = 0.92f;
        b.profile = {{-l, 0.28f}, {-l, 0.6f},    {-l + 0.06f, 0.92f}, {-l + 0.65f, 0.96f}, {-l + 1.25f, h - 0.02f},
                     {0.2f, h},   {1.0f, 0.95f}, {l - 0.2f, 0.78f},   {l, 0.58f},          {l, 0.26f}};
        b.glass = {false, false, false, true, false, true, false, false, false};
        b.side_windows = {{-l + 0.95f, -0.25f, -l + 1.35f, -0.22f}, {-0.15f, 0.82f, -0.12f, 0.2f}};
        b.length = 2 * l;
    } else if (kind < 8) {  // off-road
        const float l = p.uniform(4.3f, 4.8f) / 2, h = p.uniform(1.7f, 1.85f);
        b.roof = h;
        b.belt = 1.08f;
        b.half_width = 0.93f;
        b.wheel_radius = 0.37f;
        b.profile = {{-l, 0.4f},     {-l, 0.75f}, {-l + 0.04f, 1.08f}, {-l + 0.28f, h - 0.05f},
                     {-l + 0.5f, h}, {0.3f, h},   {0.95f, 1.12f},      {l - 0.2f, 1.0f},
                     {l, 0.75f},     {l, 0.38f}};
        b.glass = {false, false, true, false, false, true, false, false, false};
        b.side_windows = {{-l + 0.3f, -0.45f, -l + 0.45f, -0.42f}, {-0.35f, 0.8f, -0.32f, 0.28f}};
        b.length = 2 * l;
    } else if (kind < 9) {  // van
        const float l = p.uniform(4.6f, 5.4f) / 2, h = p.uniform(1.9f, 2.4f);
        b.roof = h;
        b.belt = 1.15f;
        b.half_width = 0.95f;
        b.narrowing = 0.08f;
        b.wheel_radius = 0.33f;
        b.profile = {{-l, 0.3f},      {-l, 0.7f},    {-l, 1.2f},         {-l + 0.04f, h - 0.25f},
                     {-l + 0.12f, h}, {l - 1.5f, h}, {l - 0.75f, 1.15f}, {l - 0.1f, 0.9f},
                     {l, 0.6f},       {l, 0.28f}};
        b.glass = {false, false, p.chance(0.6f), false, false, true, false, false, false};
        b.side_windows = {{l - 2.0f, l - 0.95f, l - 1.95f, l - 1.5f}};
        b.length = 2 * l;
        b.van = true;
    } else {  // bus, lorry
        const float l = p.uniform(6.5f, 9.5f) / 2, h = p.uniform(2.8f, 3.6f);
        b.roof = h;
        b.belt = 1.3f;
        b.half_width = 1.2f;
        b.narrowing = 0.06f;
        b.wheel_radius = 0.46f;
        b.profile = {{-l, 0.35f},    {-l, 0.9f},     {-l, 1.5f},        {-l + 0.03f, h * 0.8f},
                     {-l + 0.1f, h}, {l - 0.15f, h}, {l - 0.05f, 1.2f}, {l, 1.0f},
                     {l, 0.7f},      {l, 0.33f}};
        b.glass = {false, false, true, false, false, true, false, false, false};
        if (p.chance(0.7f)) {
            for (float x = -l + 0.3f; x < l - 1.4f; x += 1.45f) b.side_windows.push_back({x, x + 1.3f, x, x + 1.3f});
        }
        b.length = 2 * l;
        b.van = true;
    }
    b.wheel_front = b.length * 0.5f - (b.van ? 0.95f : 0.78f);
    b.wheel_rear = -b.length * 0.5f + (b.van ? 1.1f : 0.75f);
    return b;
}

Colour random_paint(Painter& p) {
    const Colour paints[] = {{0.6f, 0.61f, 0.62f},  {0.66f, 0.67f, 0.68f}, {0.06f, 0.06f, 0.07f}, {0.12f, 0.13f, 0.15f},
                             {0.78f, 0.78f, 0.76f}, {0.45f, 0.05f, 0.06f}, {0.08f, 0.13f, 0.35f}, {0.05f, 0.2f, 0.14f},
                             {0.35f, 0.45f, 0.55f}, {0.55f, 0.5f, 0.38f},  {0.3f, 0.31f, 0.32f},  {0.55f, 0.1f, 0.08f}};
    return paints[p.pick(12)] * p.uniform(0.75f, 1.2f);
}

class VehiclePainter {
  public:
    VehiclePainter(Canvas& canvas, const Body& body, Colour paint, V3 middle, float heading, float sunlit, bool lights)
        : canvas_(canvas), body_(body), paint_(paint), middle_(middle), sunlit_(sunlit), lights_(lights) {
        ahead_ = {std::sin(heading), 0, std::cos(heading)};
        right_ = {std::cos(heading), 0, -std::sin(heading)};
    }

    void draw() {
        draw_tyres_below();
        // Faces across the vehicle that look at the camera, far ones first; then the side that does.
        std::vector<std::pair<float, std::size_t>> faces;
        for (std::size_t i = 0; i + 1 < body_.profile.size(); ++i) {
            const V3 centre = (point(i, 0) + point(i + 1, 0)) * 0.5f;
            const V3 normal = normal_of(i);
            if (dot(normal, centre - V3{0, canvas_.eye, 0}) < 0) faces.emplace_back(centre.z, i);
        }
        std::sort(faces.begin(), faces.end(), [](auto a, auto b) { return a.first > b.first; });
        for (const auto& [depth, i] : faces) draw_across(i);
        const float seen = dot(right_, middle_);
        draw_side(seen < 0 ? 1.0f : -1.0f);
    }

  private:
    V3 local(float x, float y, float z) const {
        const V3 p = middle_ + ahead_ * x + right_ * z;
        return {p.x, p.y + y, p.z};
    }
    float half_width(float y) const {
        const float above = clamp01((y - body_.belt) / (body_.roof - body_.belt));
        const float below = clamp01((0.5f - y) / 0.3f);
        return body_.half_width - body_.narrowing * above - 0.05f * below;
    }
    V3 point(std::size_t i, float side) const {
        const V2 q = body_.profile[i];
        return local(q.x, q.y, side * half_width(q.y));
    }
    V3 normal_of(std::size_t i) const {
        const V2 a = body_.profile[i], b = body_.profile[i + 1];
        const V2 n = {-(b.y - a.y), b.x - a.x};
        const V3 v = ahead_ * n.x + V3{0, n.y, 0};
        return normalised(v);
    }

    /// Paint mirrors the sky above and the road below.
    Colour paint(V3 normal, float y) const {
        const Colour lit = canvas_.light.lit(paint_, normal, sunlit_);
        const float mirror = 0.08f + 0.2f * std::max(0.0f, normal.y);
        const Colour seen = normal.y > 0.3f ? canvas_.light.haze : Colour{0.2f, 0.2f, 0.2f};
        return mix(lit, seen, mirror) * (0.72f + 0.28f * smooth(0.2f, 0.9f, y));
    }
    Colour pane(float up) const {
        const Colour dark{0.05f, 0.06f, 0.07f};
        return mix(dark, canvas_.light.haze, 0.06f + 0.3f * up * (0.4f + 0.6f * sunlit_)) *
               (0.5f + 0.5f * canvas_.light.ambient);
    }
    void polygon(std::span<const V3> corners, Colour colour) const {
        canvas_.plane(corners, car, canvas_.light.hazed(colour, std::max(middle_.z, 0.0f)));
    }
    /// A patch of the face between profile corners i and i + 1: `up` from the lower corner 0..1, `across` -1..1.
    void patch(std::size_t i, float up0, float up1, float across0, float across1, Colour colour) const {
        const V2 a = body_.profile[i], b = body_.profile[i + 1];
        const auto corner = [&](float up, float across) {
            const float x = a.x + (b.x - a.x) * up, y = a.y + (b.y - a.y) * up;
            return local(x, y, across * half_width(y));
        };
        const V3 corners[] = {corner(up0, across0), corner(up1, across0), corner(up1, across1), corner(up0, across1)};
        polygon(corners, colour);
    }

    void draw_across(std::size_t i) const {
        const V3 normal = normal_of(i);
        const V2 a = body_.profile[i], b = body_.profile[i + 1];
        const Colour base = paint(normal, (a.y + b.y) / 2);
        const V3 corners[] = {point(i, -1), point(i + 1, -1), point(i + 1, 1), point(i, 1)};
        polygon(corners, base);
        if (body_.glass[i]) {
            const bool rear = b.y > a.y;
            for (int band = 0; band < 4; ++band) {  // the sky's image fades down the pane
                const float t0 = 0.06f + 0.22f * static_cast<float>(band), t1 = t0 + 0.22f;
                const float up = static_cast<float>(rear ? band : 3 - band) / 3;
                patch(i, t0, t1, -0.88f, 0.88f, pane(up));
            }
            return;
        }
        const std::size_t last = body_.profile.size() - 2;
        if (i == 0 || i == last) {  // bumpers, with the number plate
            patch(i, i == 0 ? 0.0f : 0.6f, i == 0 ? 0.4f : 1.0f, -0.97f, 0.97f, paint_ * 0.3f * canvas_.light.ambient);
            const Colour plate = i == 0 ? Colour{0.8f, 0.68f, 0.12f} : Colour{0.85f, 0.85f, 0.83f};
            patch(i, i == 0 ? 0.62f : 0.12f, i == 0 ? 0.92f : 0.42f, -0.3f, 0.3f,
                  canvas_.light.lit(plate, normal, sunlit_));
        }
        if (i == 1) {  // tail lamps
            const float glow = lights_ ? 1.5f : 0.75f;
            const Colour lamp = Colour{0.65f, 0.06f, 0.05f} * glow * (0.6f + 0.4f * canvas_.light.ambient);
            patch(i, 0.15f, 0.95f, -0.97f, -0.7f, lamp);
            patch(i, 0.15f, 0.95f, 0.7f, 0.97f, lamp);
            patch(i, 0.0f, 0.08f, -0.97f, 0.97f, base * 0.6f);
        }
        if (i == last - 1) {  // head lamps and grille
            const Colour lamp = Colour{0.85f, 0.87f, 0.9f} * (lights_ ? 1.6f : 0.75f);
            patch(i, 0.1f, 0.95f, -0.95f, -0.58f, lamp);
            patch(i, 0.1f, 0.95f, 0.58f, 0.95f, lamp);
            patch(i, 0.2f, 0.9f, -0.45f, 0.45f, Colour{0.08f, 0.08f, 0.08f});
        }
    }

    void draw_tyres_below() const {
        const Colour rubber = Colour{0.05f, 0.05f, 0.05f} * (0.4f + canvas_.light.ambient);
        const float w = body_.half_width;
        for (const float x : {body_.wheel_rear, body_.wheel_front}) {
            for (const float side : {-1.0f, 1.0f}) {
                // The tread, a block a little short of the wheel's circle.
                const float r = body_.wheel_radius;
                for (const float end : {-0.75f, 0.75f}) {
                    const V3 corners[] = {local(x + end * r, 0, side * w), local(x + end * r, r, side * w),
                                          local(x + end * r, r, side * (w - 0.2f)),
                                          local(x + end * r, 0, side * (w - 0.2f))};
                    polygon(corners, rubber);
                }
            }
        }
        // The dark beneath the floor.
        const float l = body_.length / 2 - 0.3f;
        const float end = dot(ahead_, middle_) > 0 ? -l : l;
        const V3 corners[] = {local(end, 0.12f, -w * 0.9f), local(end, 0.42f, -w * 0.9f), local(end, 0.42f, w * 0.9f),
                              local(end, 0.12f, w * 0.9f)};
        polygon(corners, Colour{0.03f, 0.03f, 0.03f});
    }

    void disc(float x, float radius, float z, Colour colour) const {
        std::array<V3, 18> corners;
        for (std::size_t i = 0; i < corners.size(); ++i) {
            const float a = 2 * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(corners.size());
            corners[i] = local(x + radius * std::cos(a), body_.wheel_radius + radius * std::sin(a), z);
        }
        polygon(corners, colour);
    }

    void draw_side(float side) const {
        const V3 normal = normalised(right_ * side);
        if (dot(normal, local(0, 0.7f, side * body_.half_width) - V3{0, canvas_.eye, 0}) >= 0) return;
        const float w = body_.half_width;
        // Lower body: the profile up to the belt line (or the bonnet's).
        std::vector<V3> lower, upper;
        for (std::size_t i = 0; i < body_.profile.size(); ++i) {
            const V2 q = body_.profile[i];
            if (q.y <= body_.belt + 0.06f) lower.push_back(local(q.x, q.y, side * w));
            if (q.y >= body_.belt - 0.001f || (i > 0 && body_.profile[i - 1].y > body_.belt + 0.06f)) {
                upper.push_back(point(i, side));
            }
        }
        polygon(upper, paint(normalised(normal + V3{0, 0.25f, 0}), 1.2f));
        const Colour flank = paint(normal, 0.6f);
        polygon(lower, flank);
        // The sill is darker, the shoulder catches the sky.
        const float l = body_.length / 2 - 0.12f;
        const V3 sill[] = {local(-l, 0.26f, side * w), local(-l, 0.42f, side * w), local(l, 0.42f, side * w),
                           local(l, 0.26f, side * w)};
        polygon(sill, flank * 0.55f);
        const V3 shoulder[] = {local(-l, body_.belt - 0.14f, side * w), local(-l, body_.belt - 0.07f, side * w),
                               local(body_.wheel_front, body_.belt - 0.1f, side * w),
                               local(body_.wheel_front, body_.belt - 0.15f, side * w)};
        polygon(shoulder, mix(flank, canvas_.light.haze, 0.18f));
        const float low = body_.belt + 0.03f, high = body_.roof - 0.1f;
        const float w_low = half_width(low), w_high = half_width(high);
        for (const auto& [bottom_rear, bottom_front, top_rear, top_front] : body_.side_windows) {
            const V3 corners[] = {local(bottom_rear, low, side * w_low), local(top_rear, high, side * w_high),
                                  local(top_front, high, side * w_high), local(bottom_front, low, side * w_low)};
            polygon(corners, pane(0.45f));
            const V3 shine[] = {local((bottom_rear + bottom_front) / 2, low, side * w_low),
                                local(top_rear, high, side * w_high),
                                local(top_rear + 0.3f * (top_front - top_rear), high, side * w_high),
                                local((bottom_rear + bottom_front) / 2 + 0.2f, low, side * w_low)};
            if (!body_.van) polygon(shine, pane(0.8f));
            const float seam = bottom_front + 0.05f;
            const V3 gap[] = {local(seam, 0.35f, side * w), local(seam, low, side * w),
                              local(seam + 0.02f, low, side * w), local(seam + 0.02f, 0.35f, side * w)};
            polygon(gap, flank * 0.5f);
        }
        const float bright = 0.4f + canvas_.light.ambient;
        for (const float x : {body_.wheel_rear, body_.wheel_front}) {
            disc(x, body_.wheel_radius * 1.17f, side * w, Colour{0.03f, 0.03f, 0.03f});
            disc(x, body_.wheel_radius, side * (w + 0.005f), Colour{0.06f, 0.06f, 0.06f} * bright);
            disc(x, body_.wheel_radius * 0.64f, side * (w + 0.01f), Colour{0.42f, 0.43f, 0.44f} * bright);
            disc(x, body_.wheel_radius * 0.2f, side * (w + 0.012f), Colour{0.2f, 0.2f, 0.2f} * bright);
        }
        // Lamps wrap round the corners.
        const float tail = -body_.length / 2;
        const V3 lamp[] = {local(tail, 0.66f, side * w), local(tail + 0.06f, 0.9f, side * w),
                           local(tail + 0.2f, 0.88f, side * w), local(tail + 0.16f, 0.68f, side * w)};
        polygon(lamp, Colour{0.5f, 0.05f, 0.04f} * bright);
    }

    Canvas& canvas_;
    const Body& body_;
    Colour paint_;
    V3 middle_, ahead_, right_;
    float sunlit_;
    bool lights_;
};

}  // namespace

Item make_vehicle(Painter& p, V3 middle, float heading) {
    const Body body = random_body(p);
    const Colour paint = random_paint(p);
    const bool lights = p.chance(p.canvas.light.sun < 0.2f ? 0.7f : 0.2f);
    const float sunlit = p.sunlit_at(middle);
    const float l = body.length / 2, w = body.half_width;
    const auto ground = [&](float x, float z) {
        return V2{middle.x + std::sin(heading) * x + std::cos(heading) * z,
                  middle.z + std::cos(heading) * x - std::sin(heading) * z};
    };
    const V2 base[] = {ground(-l, -w), ground(l, -w), ground(l, w), ground(-l, w)};
    p.shade_ground(base, body.roof * 0.9f);
    const float m = 0.12f;
    const V2 beneath[] = {ground(-l + m, -w - m * 0.5f), ground(l - m, -w - m * 0.5f), ground(l - m, w + m * 0.5f),
                          ground(-l + m, w + m * 0.5f)};
    p.canvas.cast_shadow(beneath, 1.35f);
    Canvas& canvas = p.canvas;
    return {middle.z, [=, &canvas] {
                if (middle.z < 2.5f) return;
                VehiclePainter(canvas, body, paint, middle, heading, sunlit, lights).draw();
            }};
}

}  // namespace camber::synth
