// LabelMe's: a JSON file a picture. https://github.com/wkentaro/labelme
#include <cmath>
#include <set>

#include "data/annotations/fields.h"

namespace camber {
namespace {

using nlohmann::json;

Ring ring_of(const json& shape, const std::string& where) {
    Ring ring;
    for (const json& point : list_field(shape, "points", where)) {
        if (!point.is_array() || point.size() != 2) fail("{}: {} is no point (x, y)", where, shown(point));
        ring.push_back({number_of(point[0], where), number_of(point[1], where)});
    }
    const std::string type = shape.contains("shape_type") && shape["shape_type"].is_string()
                                 ? shape["shape_type"].get<std::string>()
                                 : "polygon";
    if (type == "polygon") {
        check_polygon(ring, where);
        return ring;
    }
    if (type != "rectangle" && type != "circle") {
        const bool is_thin = type == "point" || type == "points" || type == "line" || type == "linestrip";
        fail("{}: is a {}, which {}; draw polygons, rectangles or circles", where, type,
             is_thin ? "has no inside" : "is not read");
    }
    if (ring.size() != 2) fail("{}: a {} has two points, not {}", where, type, ring.size());
    const auto [a, b] = std::pair(ring[0], ring[1]);
    if (type == "rectangle") return {a, {b.x, a.y}, b, {a.x, b.y}};
    // The centre, and a point on the circle.
    const double radius = std::hypot(b.x - a.x, b.y - a.y);
    return ellipse(a, radius, radius);
}

}  // namespace

Export read_labelme(const std::vector<std::filesystem::path>& files) {
    Export result;
    std::vector<json> parsed;
    std::set<std::string> names;
    for (const auto& file : files) {
        parsed.push_back(read_export(file));
        if (parsed.back().is_object() && !parsed.back().contains("shapes") && parsed.back().contains("annotations"))
            fail("{}: is COCO's; give this file, not its folder", file.string());
        for (const json& shape : list_field(parsed.back(), "shapes", file.string()))
            names.insert(text_field(shape, "label", file.string()));
    }
    for (const std::string& name : names) result.class_id(name, files.front().string());
    for (std::size_t i = 0; i < files.size(); ++i) {
        const std::string name = files[i].string();
        DrawnFrame frame{text_field(parsed[i], "imagePath", name),
                         size_field(parsed[i], "imageHeight", name),
                         size_field(parsed[i], "imageWidth", name),
                         {},
                         files[i]};
        std::size_t number = 0;
        for (const json& shape : parsed[i]["shapes"]) {
            const std::string where = fmt::format("{}: shapes[{}]", name, number++);
            frame.shapes.push_back(
                {result.class_id(text_field(shape, "label", where), where), {ring_of(shape, where)}, {}, 0});
        }
        result.frames.push_back(std::move(frame));
    }
    return result;
}

}  // namespace camber
