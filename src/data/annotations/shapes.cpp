#include "data/annotations/shapes.h"

#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/class_file.h"

namespace camber {
namespace {

void fill_ring(Image& label, const Ring& ring, std::uint8_t id) {
    std::vector<double> crossings;
    for (int row = 0; row < label.height; ++row) {
        const double y = row + 0.5;
        crossings.clear();
        for (std::size_t i = 0; i < ring.size(); ++i) {
            const Point &a = ring[i], &b = ring[(i + 1) % ring.size()];
            if ((a.y <= y) != (b.y <= y)) crossings.push_back(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
        }
        std::sort(crossings.begin(), crossings.end());
        for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
            const auto column = [&](double x) {
                return static_cast<int>(std::clamp(std::ceil(x - 0.5), 0.0, static_cast<double>(label.width)));
            };
            for (int x = column(crossings[i]); x < column(crossings[i + 1]); ++x) *label.at(row, x) = id;
        }
    }
}

void fill_runs(Image& label, const Shape2d& shape, std::uint8_t id, const std::string& where) {
    const Window window = shape.window.value_or(Window{0, 0, label.width, label.height});
    if (window.left < 0 || window.top < 0 || window.left > label.width - window.width ||
        window.top > label.height - window.height)
        fail("{}: has a mask beyond its picture's edges", where);
    const std::uint64_t pixels = static_cast<std::uint64_t>(window.width) * static_cast<std::uint64_t>(window.height);
    const auto across = static_cast<std::uint64_t>(shape.window ? window.width : window.height);
    std::uint64_t position = 0;
    bool inside = false;
    for (const std::uint32_t length : shape.runs) {
        if (position + length > pixels) fail("{}: has run lengths beyond its picture's end", where);
        for (std::uint64_t i = position; inside && i < position + length; ++i) {
            const int minor = static_cast<int>(i % across), major = static_cast<int>(i / across);
            *(shape.window ? label.at(window.top + major, window.left + minor) : label.at(minor, major)) = id;
        }
        position += length;
        inside = !inside;
    }
    if (!shape.runs.empty() && position < pixels)
        fail("{}: has run lengths of {} pixels, of a picture of {}", where, position, pixels);
}

}  // namespace

int Export::class_id(const std::string& name, const std::string& where) {
    if (is_void_name(name) || name == "__ignore__") return void_class;
    const std::string known = name == "_background_" ? "background" : name;
    const auto found = std::find(classes.begin(), classes.end(), known);
    if (found != classes.end()) return static_cast<int>(found - classes.begin());
    if (known.empty() || !is_utf8(known)) fail("{}: has a class without a name", where);
    if (classes.size() == void_class) fail("{}: has more than 254 classes and the background", where);
    classes.push_back(known);
    return static_cast<int>(classes.size()) - 1;
}

double area_of(const Ring& ring) {
    double twice = 0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Point &a = ring[i], &b = ring[(i + 1) % ring.size()];
        twice += a.x * b.y - b.x * a.y;
    }
    return std::abs(twice) / 2;
}

void check_polygon(const Ring& ring, const std::string& where) {
    if (ring.size() < 3) fail("{}: a polygon has three points or more, not {}; take it away", where, ring.size());
}

Ring turned(Ring ring, Point centre, double degrees) {
    const double angle = degrees * std::numbers::pi / 180, c = std::cos(angle), s = std::sin(angle);
    for (Point& point : ring) {
        const double x = point.x - centre.x, y = point.y - centre.y;
        point = {centre.x + c * x - s * y, centre.y + s * x + c * y};
    }
    return ring;
}

Ring ellipse(Point centre, double x_radius, double y_radius) {
    constexpr int corners = 128;
    Ring ring;
    for (int i = 0; i < corners; ++i) {
        const double angle = 2 * std::numbers::pi * i / corners;
        ring.push_back({centre.x + x_radius * std::cos(angle), centre.y + y_radius * std::sin(angle)});
    }
    return ring;
}

Image paint(const std::vector<Shape2d>& shapes, int height, int width, const std::string& where) {
    Image label(height, width, 1);
    for (const Shape2d& shape : shapes) {
        const auto id = static_cast<std::uint8_t>(shape.class_id);
        for (const Ring& ring : shape.rings) fill_ring(label, ring, id);
        fill_runs(label, shape, id, where);
    }
    return label;
}

}  // namespace camber
