#include "data/annotations/shapes.h"

#include <camber/error.h>

#include <algorithm>
#include <cmath>

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

void fill_runs(Image& label, const std::vector<std::uint32_t>& runs, std::uint8_t id, const std::string& where) {
    std::uint64_t position = 0;
    const auto height = static_cast<std::uint64_t>(label.height);
    bool inside = false;
    for (const std::uint32_t length : runs) {
        if (position + length > label.pixels()) fail("{}: has run lengths beyond its picture's end", where);
        for (std::uint64_t i = position; inside && i < position + length; ++i)
            *label.at(static_cast<int>(i % height), static_cast<int>(i / height)) = id;
        position += length;
        inside = !inside;
    }
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

Image paint(const std::vector<Shape2d>& shapes, int height, int width, const std::string& where) {
    Image label(height, width, 1);
    for (const Shape2d& shape : shapes) {
        const auto id = static_cast<std::uint8_t>(shape.class_id);
        for (const Ring& ring : shape.rings) fill_ring(label, ring, id);
        fill_runs(label, shape.runs, id, where);
    }
    return label;
}

}  // namespace camber
