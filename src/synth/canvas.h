#pragma once
#include <camber/image.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

/// The painter of generated scenes: a picture and its ids at twice the final resolution, filled far to near.
///
/// Camera space is metres: x right, y up from the road, z forward; the camera stands at (0, eye, 0) and looks along z.
namespace camber::synth {

struct V2 {
    float x = 0, y = 0;
};
struct V3 {
    float x = 0, y = 0, z = 0;
};
inline V3 operator+(V3 a, V3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline V3 operator-(V3 a, V3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline V3 operator*(V3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline float dot(V3 a, V3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline V3 cross(V3 a, V3 b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline float length(V3 a) { return std::sqrt(dot(a, a)); }
inline V3 normalised(V3 a) { return a * (1 / std::max(length(a), 1e-6f)); }

/// Display-referred RGB, 0..1 before exposure.
struct Colour {
    float r = 0, g = 0, b = 0;
};
inline Colour operator*(Colour a, float s) { return {a.r * s, a.g * s, a.b * s}; }
inline Colour operator*(Colour a, Colour b) { return {a.r * b.r, a.g * b.g, a.b * b.b}; }
inline Colour operator+(Colour a, Colour b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Colour mix(Colour a, Colour b, float t) { return a * (1 - t) + b * t; }

inline float clamp01(float x) { return std::clamp(x, 0.0f, 1.0f); }
inline float smooth(float edge0, float edge1, float x) {
    const float t = clamp01((x - edge0) / (edge1 - edge0));
    return t * t * (3 - 2 * t);
}

/// A hash of a lattice point, uniform in [0, 1).
inline float hash(std::int32_t x, std::int32_t y, std::uint32_t salt = 0) {
    std::uint32_t h =
        static_cast<std::uint32_t>(x) * 0x8DA6B343u ^ static_cast<std::uint32_t>(y) * 0xD8163841u ^ salt * 0xCB1AB31Fu;
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    h = (h ^ (h >> 12)) * 0x297A2D39u;
    return static_cast<float>((h ^ (h >> 15)) >> 8) * 0x1p-24f;
}
inline std::int32_t floor_int(float x) {
    const auto i = static_cast<std::int32_t>(x);
    return i - (static_cast<float>(i) > x ? 1 : 0);
}
/// The remainder of x over a positive period, for negative x too.
inline float wrap(float x, float period) {
    const float turns = x / period;
    return (turns - static_cast<float>(floor_int(turns))) * period;
}

/// Random heights for noise(): a table is several times faster than hashing four corners a call.
inline constexpr std::int32_t noise_cells = 128;
const float* noise_table();

/// Value noise in [0, 1), one lattice cell per unit; repeats every 128.
inline float noise(float x, float y, std::uint32_t salt = 0) {
    static const float* const table = noise_table();
    constexpr std::int32_t mask = noise_cells - 1;
    const std::int32_t ix = floor_int(x), iy = floor_int(y);
    float tx = x - static_cast<float>(ix), ty = y - static_cast<float>(iy);
    tx *= tx * (3 - 2 * tx);
    ty *= ty * (3 - 2 * ty);
    const std::int32_t sx = ix + static_cast<std::int32_t>(salt & 0x3FFF) * 37;
    const std::int32_t sy = iy + static_cast<std::int32_t>(salt >> 7 & 0x3FFF) * 53;
    const float* upper = table + (sy & mask) * noise_cells;
    const float* lower = table + ((sy + 1) & mask) * noise_cells;
    const std::int32_t left = sx & mask, right = (sx + 1) & mask;
    const float a = upper[left], b = upper[right], c = lower[left], d = lower[right];
    return (a + (b - a) * tx) * (1 - ty) + (c + (d - c) * tx) * ty;
}

enum Id : std::uint8_t {
    sky = 0,
    building,
    pole,
    road,
    pavement,
    tree,
    sign,
    fence,
    car,
    pedestrian,
    bicyclist,
    unlabelled
};

/// How the scene is lit.
struct Light {
    V3 to_sun{0.3f, 0.6f, -0.5f};
    float sun = 0.7f;      ///< strength of direct light; 0 when overcast
    float ambient = 0.5f;  ///< strength of light from the sky
    Colour tint{1, 1, 1};  ///< of direct light
    Colour haze{0.8f, 0.85f, 0.9f};
    float visibility = 250;  ///< metres at which haze covers half
    bool cloudy = false;

    /// What a surface of colour `base` with unit normal `normal` looks like; `sunlit` 0 in shadow, 1 in the sun.
    Colour lit(Colour base, V3 normal, float sunlit = 1) const {
        const float direct = sun * sunlit * std::max(0.0f, dot(normal, to_sun));
        const float from_sky = ambient * (0.8f + 0.2f * normal.y);
        return base * (Colour{from_sky, from_sky, from_sky * 1.04f} + tint * direct);
    }
    Colour hazed(Colour colour, float z) const { return mix(colour, haze, z / (z + visibility)); }
};

class Canvas {
  public:
    Canvas(int height, int width);

    int height, width;
    float focal = 0, centre_x = 0, horizon = 0;  ///< camera, in pixels of this canvas
    float eye = 1.5f;                            ///< metres above the road
    Light light;

    static constexpr float near = 0.6f;  ///< metres; nothing closer is drawn

    V2 project(V3 p) const { return {centre_x + focal * p.x / p.z, horizon - focal * (p.y - eye) / p.z}; }
    float pixels_per_metre(float z) const { return focal / z; }

    Colour& colour(int x, int y) { return colours_[index(x, y)]; }
    std::uint8_t& id(int x, int y) { return ids_[index(x, y)]; }
    /// How dark the ground is under a pixel, 0 in the open .. 1; filled before the ground is painted.
    float& shadow(int x, int y) { return shadows_[index(x, y)]; }
    const std::vector<Colour>& colours() const { return colours_; }
    const std::vector<std::uint8_t>& ids() const { return ids_; }

    /// Calls visit(x, y) for every pixel whose centre is in the polygon (even-odd rule).
    template <class Visit>
    void scan(std::span<const V2> polygon, Visit&& visit) {
        float top = 1e9f, bottom = -1e9f;
        for (const V2 p : polygon) {
            top = std::min(top, p.y);
            bottom = std::max(bottom, p.y);
        }
        const int first = std::max(0, static_cast<int>(std::ceil(std::clamp(top, -1.0f, 1e6f) - 0.5f)));
        const int last = std::min(height - 1, static_cast<int>(std::ceil(std::clamp(bottom, -1.0f, 1e6f) - 0.5f)) - 1);
        for (int y = first; y <= last; ++y) {
            const float centre = static_cast<float>(y) + 0.5f;
            float cuts[32];
            int count = 0;
            for (std::size_t i = 0; i < polygon.size() && count < 32; ++i) {
                const V2 a = polygon[i], b = polygon[(i + 1) % polygon.size()];
                if ((a.y <= centre) == (b.y <= centre)) continue;
                cuts[count++] = a.x + (b.x - a.x) * (centre - a.y) / (b.y - a.y);
            }
            std::sort(cuts, cuts + count);
            for (int i = 0; i + 1 < count; i += 2) {
                const auto edge = [&](float x) {
                    return static_cast<int>(std::ceil(std::clamp(x, 0.0f, static_cast<float>(width)) - 0.5f));
                };
                const int end = std::min(edge(cuts[i + 1]), width);
                for (int x = edge(cuts[i]); x < end; ++x) visit(x, y);
            }
        }
    }

    /// Fills a polygon of pixel coordinates. shade(x, y) gives the colour.
    template <class Shade>
    void fill(std::span<const V2> polygon, Id what, Shade&& shade) {
        scan(polygon, [&](int x, int y) {
            const std::size_t at = index(x, y);
            colours_[at] = shade(x, y);
            ids_[at] = what;
        });
    }
    void fill(std::span<const V2> polygon, Id what, Colour flat) {
        fill(polygon, what, [flat](int, int) { return flat; });
    }

    /// A flat polygon in camera space, cut at the near plane. shade(u, v, z, colour) gets the position in metres along
    /// the unit vectors `u` and `v` from `origin`, and the depth; it changes `colour`, which holds what is behind, and
    /// returns whether to draw.
    template <class Shade>
    void plane(std::span<const V3> polygon, V3 origin, V3 u, V3 v, Id what, Shade&& shade) {
        V2 corners[24];
        const int count = clip_and_project(polygon, corners);
        if (count < 3) return;
        const V3 normal = cross(u, v);
        const V3 from_eye = origin - V3{0, eye, 0};
        const float distance = dot(normal, from_eye);
        if (std::abs(distance) < 1e-4f) return;
        const float inv_focal = 1 / focal, inv_distance = 1 / distance;
        const float u0 = dot(from_eye, u), v0 = dot(from_eye, v);
        scan(std::span<const V2>(corners, static_cast<std::size_t>(count)), [&](int x, int y) {
            const V3 ray = {(static_cast<float>(x) + 0.5f - centre_x) * inv_focal,
                            (horizon - static_cast<float>(y) - 0.5f) * inv_focal, 1};
            const float z = 1 / (dot(normal, ray) * inv_distance);
            const std::size_t at = index(x, y);
            Colour c = colours_[at];
            if (!shade(z * dot(ray, u) - u0, z * dot(ray, v) - v0, z, c)) return;
            colours_[at] = c;
            ids_[at] = what;
        });
    }
    /// A flat polygon of one colour, already lit and hazed.
    void plane(std::span<const V3> polygon, Id what, Colour flat);

    /// Darkens the ground inside a polygon of ground points (x, z).
    void cast_shadow(std::span<const V2> ground, float darkness);

    /// Cuts at the near plane and projects; `out` has room for 24 corners. Returns their number.
    int clip_and_project(std::span<const V3> polygon, V2* out) const;

  private:
    std::size_t index(int x, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
    }
    std::vector<Colour> colours_;
    std::vector<std::uint8_t> ids_;
    std::vector<float> shadows_;
};

/// The convex hull, counter-clockwise (Andrew 1979, monotone chain).
std::vector<V2> convex_hull(std::vector<V2> points);

/// Draws flat figures (people, bicycles, signs) that face the camera: positions in metres, right and up from a foot
/// point.
class Figure {
  public:
    Figure(Canvas& canvas, V3 foot, Id what, float sunlit, float squeeze = 1);
    void polygon(std::span<const V2> points, Colour base);
    void ellipse(float x, float y, float rx, float ry, Colour base);
    /// A limb: thick line with round ends, radius r0 at the first end, r1 at the other.
    void limb(float x0, float y0, float x1, float y1, float r0, float r1, Colour base);
    /// Marks as the figure's without changing the picture (between spokes).
    void claim(float x, float y, float rx, float ry);

  private:
    V2 place(float x, float y) const;
    void paint(std::span<const V2> pixels, Colour base, float middle, float half);

    Canvas& canvas_;
    V3 foot_;
    Id what_;
    float sunlit_, squeeze_;
};

}  // namespace camber::synth
