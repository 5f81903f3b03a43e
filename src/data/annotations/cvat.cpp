// CVAT's "CVAT for images 1.1" (https://docs.cvat.ai/docs/other/xml_format): <image name width height> with
// <polygon label points z_order>, <box>, <ellipse> and <mask> in it. No more of XML is read than its tags and
// attributes, which is all that the format uses.
#include <algorithm>
#include <map>
#include <optional>

#include "core/number_range.h"
#include "data/annotations/fields.h"
#include "data/class_file.h"
#include "data/list_file.h"

namespace camber {
namespace {

struct Tag {
    std::string name;  ///< "/image" where it ends one
    std::map<std::string, std::string> attributes;
    std::string where;

    std::string text(const std::string& key) const {
        const auto found = attributes.find(key);
        if (found == attributes.end()) fail("{}: <{}> has no {}", where, name, key);
        return found->second;
    }
    double number(const std::string& key, const std::string& digits) const {
        double value = 0;
        constexpr double most = 1e9;
        if (const std::string wrong = read_number(digits, from_to(-most, most), value); !wrong.empty())
            fail("{}: {} of <{}> {}", where, key, name, wrong);
        return value;
    }
    double number(const std::string& key) const { return number(key, text(key)); }
    double number_or_0(const std::string& key) const { return attributes.contains(key) ? number(key) : 0; }
    template <class T>
    T whole(const std::string& key, const std::string& digits, T most) const {
        T value = 0;
        if (const std::string wrong = read_number(digits, from_to(0, static_cast<double>(most)), value); !wrong.empty())
            fail("{}: {} of <{}> {}", where, key, name, wrong);
        return value;
    }
};

std::string without_entities(std::string text) {
    for (const auto& [entity, c] :
         {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}}) {
        for (std::size_t at = 0; (at = text.find(entity, at)) != text.npos; ++at)
            text.replace(at, std::string_view(entity).size(), c);
    }
    return text;
}

/// A place in the text, and its line.
struct Place {
    std::size_t at = 0, counted = 0;
    std::ptrdiff_t line = 1;
};

/// The next tag with attributes; none at the end.
std::optional<Tag> next_tag(const std::string& text, Place& place, const std::string& file) {
    std::size_t& at = place.at;
    for (;;) {
        at = text.find('<', at);
        if (at == text.npos) return {};
        if (text.compare(at, 4, "<!--") != 0) break;
        at = std::min(text.find("-->", at), text.size());
    }
    place.line += std::count(text.begin() + static_cast<std::ptrdiff_t>(place.counted),
                             text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    place.counted = at;
    Tag tag{{}, {}, fmt::format("{} line {}", file, place.line)};
    const auto is_space = [&] {
        return at < text.size() && std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos;
    };
    ++at;
    while (at < text.size() && !is_space() && text[at] != '>') tag.name += text[at++];
    for (;;) {
        while (is_space()) ++at;
        if (at >= text.size()) fail("{}: is cut short within <{}>", tag.where, tag.name);
        if (text[at] == '>') break;
        if (text[at] == '/' || text[at] == '?') {
            ++at;
            continue;
        }
        const std::size_t equals = text.find('=', at);
        const std::size_t open = equals == text.npos ? equals : text.find_first_of("\"'", equals);
        const std::size_t close = open == text.npos ? open : text.find(text[open], open + 1);
        if (close == text.npos) fail("{}: <{}> is no XML", tag.where, tag.name);
        tag.attributes[text.substr(at, equals - at)] = without_entities(text.substr(open + 1, close - open - 1));
        at = close + 1;
    }
    return tag;
}

Ring points_of(const Tag& tag) {
    Ring ring;
    for (const std::string& point : split_fields(tag.text("points"), ";")) {
        const std::vector<std::string> numbers = split_fields(point, ",");
        if (numbers.size() != 2) fail("{}: '{}' is no point x,y", tag.where, point);
        ring.push_back({tag.number("points", numbers[0]), tag.number("points", numbers[1])});
    }
    return ring;
}

/// <mask rle left top width height>: rle is of the rows of that rectangle, outside first.
void read_mask(const Tag& tag, Shape2d& shape) {
    const auto size = [&](const char* key) { return tag.whole(key, tag.text(key), most_pixels); };
    const Window window{size("left"), size("top"), size("width"), size("height")};
    const std::uint64_t pixels = static_cast<std::uint64_t>(window.width) * static_cast<std::uint64_t>(window.height);
    std::uint64_t sum = 0;
    for (const std::string& run : split_fields(tag.text("rle"), ", ")) {
        const auto length = tag.whole<std::uint64_t>("rle", run, UINT32_MAX);
        shape.runs.push_back(static_cast<std::uint32_t>(length));
        sum += length;
    }
    if (sum != pixels) fail("{}: rle of <mask> is of {} pixels, its width and height of {}", tag.where, sum, pixels);
    shape.window = window;
}

/// The shape of a tag within <image>; none of one that draws nothing.
std::optional<Shape2d> shape_of(const Tag& tag) {
    if (tag.name.starts_with('/') || tag.name == "attribute" || tag.name == "tag") return {};
    Shape2d shape;
    if (tag.name == "polygon") {
        shape.rings = {points_of(tag)};
        check_polygon(shape.rings[0], tag.where);
    } else if (tag.name == "box") {
        const double left = tag.number("xtl"), top = tag.number("ytl"), right = tag.number("xbr"),
                     bottom = tag.number("ybr");
        shape.rings = {turned({{left, top}, {right, top}, {right, bottom}, {left, bottom}},
                              {(left + right) / 2, (top + bottom) / 2}, tag.number_or_0("rotation"))};
    } else if (tag.name == "ellipse") {
        const Point centre{tag.number("cx"), tag.number("cy")};
        shape.rings = {
            turned(ellipse(centre, tag.number("rx"), tag.number("ry")), centre, tag.number_or_0("rotation"))};
    } else if (tag.name == "mask") {
        read_mask(tag, shape);
    } else {
        fail("{}: is a {}, which has no inside; draw polygons, boxes, ellipses or masks", tag.where, tag.name);
    }
    return shape;
}

}  // namespace

Export read_cvat(const std::filesystem::path& file) {
    constexpr std::uint64_t most_bytes = 512 << 20;
    const std::string text = read_text(file, most_bytes);
    Export result;
    struct Ordered {
        double z;
        Shape2d shape;
    };
    std::vector<Ordered> shapes;
    bool in_image = false, in_label = false;
    int label = Export::void_class;
    Place place;
    while (const std::optional<Tag> tag = next_tag(text, place, file.string())) {
        // <label><name>road</name><color>#804080</color>: classes in their order, whether drawn or not.
        const std::string content = text.substr(place.at + 1, text.find('<', place.at) - place.at - 1);
        if (!in_image && (tag->name == "label" || tag->name == "/label" || tag->name == "attributes")) {
            in_label = tag->name == "label";
            label = Export::void_class;
        } else if (in_label && tag->name == "name") {
            label = result.class_id(without_entities(content), tag->where);
        } else if (in_label && tag->name == "color" && label != Export::void_class) {
            if (const std::optional<Rgb> colour = colour_of_text(content)) result.colours[label] = *colour;
        }
        if (tag->name == "image") {
            const auto size = [&](const char* key) {
                return static_cast<int>(std::clamp(tag->number(key), 0.0, double{most_pixels}));
            };
            result.frames.push_back({tag->text("name"), size("height"), size("width"), {}});
            shapes.clear();
            in_image = true;
        } else if (tag->name == "/image" && in_image) {
            std::stable_sort(shapes.begin(), shapes.end(), [](const auto& a, const auto& b) { return a.z < b.z; });
            for (Ordered& ordered : shapes) result.frames.back().shapes.push_back(std::move(ordered.shape));
            in_image = false;
        } else if (in_image) {
            std::optional<Shape2d> shape = shape_of(*tag);
            if (!shape) continue;
            shape->class_id = result.class_id(tag->text("label"), tag->where);
            shapes.push_back({tag->number_or_0("z_order"), std::move(*shape)});
        }
    }
    if (result.frames.empty()) fail("{}: has no <image>: export as 'CVAT for images'", file.string());
    return result;
}

}  // namespace camber
