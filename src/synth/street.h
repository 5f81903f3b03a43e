#pragma once
#include <camber/philox.h>

#include <array>
#include <functional>

#include "synth/canvas.h"

namespace camber::synth {

/// What the ground is beside the pavement, per metre along the street.
enum class Verge : std::uint8_t { paved, grass, side_street };

/// The street's plan: `lateral` metres right of the camera's lane position and `s` metres along it.
struct Street {
    static constexpr int reach = 150;  ///< metres that are laid out

    float yaw = 0, bend = 0;                   ///< the centre line is at x = yaw s + bend s^2
    std::array<float, 2> kerb = {-3, 5};       ///< lateral position of the left and right kerb
    std::array<float, 2> walk = {2.5f, 2.5f};  ///< width of the pavements
    std::array<std::array<Verge, reach>, 2> verge{};
    float urban = 0.7f;   ///< share of frontage that is built on
    int markings = 0;     ///< 0 none, 1 centre dashes, 2 dashes and double yellow lines, 3 also a crossing
    float crossing = 25;  ///< where the pedestrian crossing is

    V3 at(float lateral, float y, float s) const { return {lateral + (yaw + bend * s) * s, y, s}; }
    /// Outer edge of the pavement.
    float frontage(int side) const {
        const auto i = static_cast<std::size_t>(side);
        return side == 0 ? kerb[i] - walk[i] : kerb[i] + walk[i];
    }
    Verge verge_at(int side, float s) const {
        return verge[static_cast<std::size_t>(side)][static_cast<std::size_t>(std::clamp(s, 0.0f, reach - 1.0f))];
    }
};

/// What the painters of things share.
struct Painter {
    Canvas& canvas;
    const Street& street;
    Philox& random;

    float uniform(float low, float high) { return random.uniform(low, high); }
    bool chance(float probability) { return random.uniform() < probability; }
    int pick(int count) { return static_cast<int>(random.below(static_cast<std::uint32_t>(count))); }
    std::uint32_t salt() { return random.next(); }
    /// 1 in the sun, near 0 where the ground is shaded.
    float sunlit_at(V3 ground) const;
    /// Shade of something `height` tall standing on a footprint of ground points.
    void shade_ground(std::span<const V2> footprint, float height);
};

/// Something to paint, in order of `depth` from far to near.
struct Item {
    float depth;
    std::function<void()> paint;
};

// Each looks random properties up at once, casts its shadow on the ground at once, and returns the painting for later,
// when the ground is done. `side` is 0 for left, 1 for right.

void paint_sky(Painter& painter);
void paint_ground(Painter& painter);
void paint_backdrop(Painter& painter);

Item make_building(Painter& painter, int side, float setback, float begin, float end);
Item make_tree(Painter& painter, V3 foot, float height, bool bare);
Item make_hedge(Painter& painter, V3 from, V3 to, float height);
Item make_fence(Painter& painter, V3 from, V3 to, float height);
Item make_lamp(Painter& painter, int side, float s);
Item make_bollard(Painter& painter, V3 foot);
Item make_traffic_sign(Painter& painter, V3 foot);
Item make_traffic_light(Painter& painter, V3 foot);
Item make_prop(Painter& painter, V3 foot);
/// `heading` in radians: 0 drives away from the camera.
Item make_vehicle(Painter& painter, V3 middle, float heading);
Item make_pedestrian(Painter& painter, V3 foot);
Item make_cyclist(Painter& painter, V3 foot, bool along_street);
/// The front of the car that carries the camera: void, as in CamVid.
void paint_own_bonnet(Painter& painter);

}  // namespace camber::synth
