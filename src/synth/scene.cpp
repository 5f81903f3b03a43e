#include <camber/error.h>
#include <camber/synth.h>

#include <numbers>

#include "synth/develop.h"
#include "synth/street.h"

namespace camber {
namespace synth {
namespace {

void set_up_camera(Canvas& canvas, Philox& random) {
    const auto width = static_cast<float>(canvas.width), height = static_cast<float>(canvas.height);
    canvas.focal = width * random.uniform(0.85f, 1.15f);
    canvas.centre_x = width * random.uniform(0.38f, 0.62f);
    canvas.horizon = height * random.uniform(0.44f, 0.57f);
    canvas.eye = random.uniform(1.3f, 1.65f);
}

/// Weather: sunny, overcast or late in the day.
Film set_up_light(Canvas& canvas, Philox& random) {
    Light& light = canvas.light;
    Film film;
    const float weather = random.uniform();
    const float azimuth = random.uniform(-std::numbers::pi_v<float>, std::numbers::pi_v<float>);
    const float elevation = random.uniform(0.35f, 1.0f);
    light.to_sun = {std::sin(azimuth) * std::cos(elevation), std::sin(elevation),
                    std::cos(azimuth) * std::cos(elevation)};
    light.visibility = random.uniform(180, 700);
    film.contrast = random.uniform(1.1f, 1.5f);
    film.saturation = random.uniform(0.7f, 1.1f);
    const float warmth = random.uniform(-0.05f, 0.07f);
    film.balance = {1 + warmth, 1, 1 - warmth};
    if (weather < 0.55f) {  // sunny
        light.sun = random.uniform(0.6f, 1.0f);
        light.ambient = random.uniform(0.4f, 0.6f);
        light.tint = {1.06f, 1.0f, random.uniform(0.82f, 0.95f)};
        light.haze = {0.85f, 0.88f, 0.92f};
        film.exposure = random.uniform(0.95f, 1.4f);
    } else if (weather < 0.82f) {  // overcast
        light.sun = random.uniform(0.0f, 0.08f);
        light.ambient = random.uniform(0.7f, 0.95f);
        light.haze = {0.84f, 0.86f, 0.88f};
        light.cloudy = true;
        film.exposure = random.uniform(0.95f, 1.45f);
    } else {  // dusk: the street is dark under a sky that is not
        light.sun = random.uniform(0.0f, 0.15f);
        light.ambient = random.uniform(0.3f, 0.45f);
        light.tint = {1.1f, 0.9f, 0.75f};
        light.haze = {0.5f, 0.54f, 0.6f};
        light.cloudy = random.uniform() < 0.6f;
        light.visibility *= 1.5f;
        film.exposure = random.uniform(0.85f, 1.3f);
        film.noise = 0.02f;
    }
    film.noise += random.uniform(-0.012f, 0.02f);
    film.blur = random.uniform(0.1f, 0.5f);
    film.vignette = random.uniform(0.0f, 0.25f);
    film.void_borders = random.uniform() < 0.5f ? random.uniform(0.15f, 0.5f) : 0.0f;
    film.salt = random.next();
    return film;
}

Street plan_street(Philox& random) {
    Street street;
    street.yaw = random.uniform(-0.05f, 0.05f);
    street.bend = random.uniform(-1, 1) * random.uniform(0, 0.0022f);
    street.kerb = {-random.uniform(1.7f, 3.6f), random.uniform(3.2f, 6.5f)};
    for (float& walk : street.walk) walk = random.uniform(1.6f, 4.0f);
    street.urban = random.uniform(0.35f, 0.95f);
    street.markings = static_cast<int>(random.below(4));
    street.crossing = random.uniform(8, 40);
    return street;
}

/// Buildings, trees, hedges and side streets along one side.
void line_side(Painter& p, Street& street, int side, std::vector<Item>& items) {
    const float out = side == 0 ? -1.0f : 1.0f;
    const bool gardens = p.chance(0.35f);
    const bool bare = p.chance(0.45f);  // one season a side
    const float front = p.chance(0.6f) ? 0.0f : p.uniform(1.5f, 4.5f);
    float s = p.uniform(0.3f, 2.5f);
    while (s < 135) {
        const float wide = p.uniform(6, s > 60 ? 24 : 16);
        const float end = std::min(s + wide, Street::reach - 1.0f);
        const auto mark = [&](Verge verge) {
            for (int m = static_cast<int>(s); m <= static_cast<int>(end); ++m) {
                street.verge[static_cast<std::size_t>(side)][static_cast<std::size_t>(m)] = verge;
            }
        };
        const float edge = street.frontage(side);
        const float kind = p.random.uniform();
        if (kind < street.urban) {
            const float setback = front + (p.chance(0.25f) ? p.uniform(0, 1.5f) : 0.0f);
            if (setback > 1.2f && gardens) {
                mark(Verge::grass);
                const V3 from = street.at(edge + out * 0.15f, 0, s), to = street.at(edge + out * 0.15f, 0, end);
                const float which = p.random.uniform();
                if (which < 0.4f)
                    items.push_back(make_fence(p, from, to, p.uniform(0.9f, 1.5f)));
                else if (which < 0.75f)
                    items.push_back(make_hedge(p, from, to, p.uniform(0.9f, 1.9f)));
            }
            items.push_back(make_building(p, side, setback, s, end));
        } else if (kind <
                   street.urban + (1 - street.urban) * 0.82f) {  // green: trees behind a hedge, railing or nothing
            mark(Verge::grass);
            const V3 from = street.at(edge + out * 0.2f, 0, s), to = street.at(edge + out * 0.2f, 0, end);
            const float which = p.random.uniform();
            if (which < 0.4f)
                items.push_back(make_fence(p, from, to, p.uniform(1.0f, 1.9f)));
            else if (which < 0.75f)
                items.push_back(make_hedge(p, from, to, p.uniform(1.2f, 2.6f)));
            // A belt of shrubs and trees closes the view behind.
            const V3 back_from = street.at(edge + out * 9, 0, s - 2), back_to = street.at(edge + out * 9, 0, end + 4);
            Item belt = make_hedge(p, back_from, back_to, p.uniform(3, 5.5f));
            belt.depth = end + 3;
            items.push_back(std::move(belt));
            const int trees = 1 + p.pick(3);
            for (int i = 0; i < trees; ++i) {
                const V3 foot = street.at(edge + out * p.uniform(1.5f, 7), 0, p.uniform(s, end));
                items.push_back(make_tree(p, foot, p.uniform(5, 13), bare));
            }
        } else if (s > 6) {
            mark(Verge::side_street);
        }
        s = end + (p.chance(0.15f) ? p.uniform(1, 3) : 0.02f);
    }
    // Trees along the kerb.
    if (p.chance(0.3f)) {
        const float gap = p.uniform(9, 18), tall = p.uniform(5, 9);
        const auto i = static_cast<std::size_t>(side);
        for (float at = p.uniform(6, 16); at < 90; at += gap * p.uniform(0.8f, 1.25f)) {
            items.push_back(
                make_tree(p, street.at(street.kerb[i] + out * 0.9f, 0, at), tall * p.uniform(0.85f, 1.15f), bare));
        }
    }
}

void furnish_side(Painter& p, const Street& street, int side, std::vector<Item>& items) {
    const auto i = static_cast<std::size_t>(side);
    const float out = side == 0 ? -1.0f : 1.0f;
    const float kerb = street.kerb[i];
    const float gap = p.uniform(18, 34);
    for (float s = p.uniform(5, 22); s < 110; s += gap) items.push_back(make_lamp(p, side, s));
    for (int n = p.pick(4); n > 0; --n) {
        items.push_back(make_traffic_sign(p, street.at(kerb + out * p.uniform(0.4f, 0.9f), 0, p.uniform(7, 50))));
    }
    if (street.markings == 3 && p.chance(0.7f)) {
        items.push_back(make_traffic_light(p, street.at(kerb + out * 0.5f, 0, street.crossing - 1)));
    }
    if (p.chance(0.25f)) {
        const float from = p.uniform(5, 30), step = p.uniform(1.4f, 2.6f);
        for (float s = from; s < from + 12; s += step)
            items.push_back(make_bollard(p, street.at(kerb + out * 0.35f, 0, s)));
    }
    if (p.chance(0.22f)) {  // guard rail at the kerb
        const float from = p.uniform(3, 25);
        items.push_back(make_fence(p, street.at(kerb + out * 0.3f, 0, from),
                                   street.at(kerb + out * 0.3f, 0, from + p.uniform(6, 18)), 1.1f));
    }
    for (int n = p.pick(3); n > 0; --n) {
        items.push_back(make_prop(p, street.at(street.frontage(side) - out * 0.4f, 0, p.uniform(5, 40))));
    }
    for (int n = p.pick(6); n > 0; --n) {
        const float across = p.uniform(0.35f, std::max(0.6f, street.walk[i] - 0.3f));
        const float s = p.uniform(5, p.chance(0.5f) ? 18 : 60);
        items.push_back(make_pedestrian(p, street.at(kerb + out * across, 0, s)));
        if (p.chance(0.35f)) items.push_back(make_pedestrian(p, street.at(kerb + out * (across + 0.55f), 0, s + 0.3f)));
    }
}

void add_traffic(Painter& p, const Street& street, std::vector<Item>& items) {
    const float pi = std::numbers::pi_v<float>;
    const auto along = [&](float s) { return std::atan(street.yaw + 2 * street.bend * s); };
    // Parked rows.
    for (int side = 0; side < 2; ++side) {
        const auto i = static_cast<std::size_t>(side);
        if (!p.chance(side == 0 ? 0.4f : 0.55f)) continue;
        const float in = side == 0 ? 1.0f : -1.0f;
        const float fullness = p.uniform(0.4f, 0.95f);
        for (float s = p.uniform(side == 0 ? 8.0f : 6.0f, 22.0f); s < 85; s += p.uniform(5.6f, 6.8f)) {
            if (street.verge_at(side, s) == Verge::side_street || !p.chance(fullness)) continue;
            const float turn = (p.chance(0.8f) == (side == 0) ? 0.0f : pi) + p.uniform(-0.03f, 0.03f);
            items.push_back(make_vehicle(p, street.at(street.kerb[i] + in * 1.1f, 0, s), along(s) + turn));
        }
    }
    // Ahead in our lane, and coming towards us in the other.
    for (float s = p.uniform(8, 45); s < 95; s += p.uniform(9, 45)) {
        items.push_back(make_vehicle(p, street.at(p.uniform(-0.4f, 0.4f), 0, s), along(s) + p.uniform(-0.03f, 0.03f)));
    }
    const float other = std::max(2.6f, street.kerb[1] - 2.0f) * 0.5f + 1.3f;
    for (float s = p.uniform(9, 50); s < 95; s += p.uniform(10, 50)) {
        items.push_back(
            make_vehicle(p, street.at(other + p.uniform(-0.3f, 0.3f), 0, s), along(s) + pi + p.uniform(-0.03f, 0.03f)));
    }
    if (p.chance(0.12f)) {  // one that crosses or turns
        const float s = p.uniform(12, 28);
        items.push_back(make_vehicle(p, street.at(p.uniform(-1, 4), 0, s), p.uniform(0, 2 * pi)));
    }
    if (p.chance(0.25f)) {
        for (int n = 1 + p.pick(3); n > 0; --n) {
            items.push_back(
                make_pedestrian(p, street.at(p.uniform(street.kerb[0], street.kerb[1]), 0, p.uniform(9, 30))));
        }
    }
    if (p.chance(0.6f)) {
        for (int n = 1 + p.pick(2); n > 0; --n) {
            const bool side_on = p.chance(0.3f);
            const float lateral = side_on          ? p.uniform(street.kerb[0] - 1, street.kerb[1] + 1)
                                  : p.chance(0.6f) ? street.kerb[0] + p.uniform(0.5f, 1.1f)
                                                   : street.kerb[1] - p.uniform(0.5f, 1.1f);
            items.push_back(make_cyclist(p, street.at(lateral, 0, p.uniform(5.5f, 22)), !side_on));
        }
    }
}

}  // namespace

Scene paint_scene(std::uint64_t seed, std::uint64_t index, int height, int width) {
    Philox random({seed, Stream::synthesis, index});
    Canvas canvas(2 * height, 2 * width);
    set_up_camera(canvas, random);
    const Film film = set_up_light(canvas, random);
    Street street = plan_street(random);
    Painter painter{canvas, street, random};
    paint_sky(painter);
    paint_backdrop(painter);
    std::vector<Item> items;
    for (const int side : {0, 1}) line_side(painter, street, side, items);
    add_traffic(painter, street, items);
    for (const int side : {0, 1}) furnish_side(painter, street, side, items);
    const bool bonnet = painter.chance(0.3f);
    paint_ground(painter);
    std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.depth > b.depth; });
    for (const Item& item : items) item.paint();
    if (bonnet) paint_own_bonnet(painter);
    return develop(canvas, film);
}

}  // namespace synth

Scene generate_scene(std::uint64_t seed, std::uint64_t index, int height, int width) {
    if (height < 32 || width < 32 || height > 4096 || width > 4096) {
        fail_usage("a generated scene of {}x{}: height and width must be 32 to 4096", height, width);
    }
    return synth::paint_scene(seed, index, height, width);
}

}  // namespace camber
