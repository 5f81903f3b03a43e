// COCO's format: https://cocodataset.org/#format-data
#include <algorithm>
#include <map>
#include <numeric>

#include "data/annotations/fields.h"

namespace camber {
namespace {

using nlohmann::json;

std::int64_t id_field(const json& from, const char* key, const std::string& where) {
    const json& id = field(from, key, where);
    if (!id.is_number_integer()) fail("{}: '{}' must be a whole number, not {}", where, key, shown(id));
    return id.get<std::int64_t>();
}

/// The text of compressed run lengths (cocoapi, common/maskApi.c, rleFrString).
std::vector<std::uint32_t> runs_of(const std::string& text, const std::string& where) {
    std::vector<std::uint32_t> runs;
    for (std::size_t i = 0; i < text.size();) {
        std::int64_t value = 0;
        int shift = 0;
        for (bool more = true; more; ++i, shift += 5) {
            constexpr int most_bits = 35;
            if (i == text.size() || text[i] < 48 || text[i] > 111 || shift > most_bits)
                fail("{}: its run lengths are damaged", where);
            const int c = text[i] - 48;
            value |= static_cast<std::int64_t>(c & 31) << shift;
            more = (c & 32) != 0;
            if (!more && (c & 16) != 0) value |= -(std::int64_t{1} << (shift + 5));
        }
        if (runs.size() > 2) value += runs[runs.size() - 2];
        if (value < 0 || value > UINT32_MAX) fail("{}: its run lengths are damaged", where);
        runs.push_back(static_cast<std::uint32_t>(value));
    }
    return runs;
}

/// Run lengths are of a picture of their size: that of the frame, which becomes it where the export has none.
void check_size(const json& segmentation, DrawnFrame& frame, const std::string& where) {
    if (!segmentation.contains("size")) return;
    const json& size = segmentation["size"];
    if (!size.is_array() || size.size() != 2 || !std::all_of(size.begin(), size.end(), [](const json& pixels) {
            return pixels.is_number_unsigned() && pixels.get<std::uint64_t>() <= most_pixels;
        }))
        fail("{}: 'size' must be [height, width], not {}", where, shown(size));
    const int height = size[0].get<int>(), width = size[1].get<int>();
    if (frame.height == 0) frame.height = height;
    if (frame.width == 0) frame.width = width;
    if (height != frame.height || width != frame.width)
        fail("{}: has run lengths of {}x{} (width x height), its picture is {}x{}", where, width, height, frame.width,
             frame.height);
}

void read_segmentation(const json& segmentation, Shape2d& shape, DrawnFrame& frame, const std::string& where) {
    if (segmentation.is_array()) {
        for (const json& polygon : segmentation) {
            if (!polygon.is_array() || polygon.size() % 2 != 0)
                fail("{}: a polygon must be a list of x, y, x, y, ..., not {}", where, shown(polygon));
            Ring ring;
            for (std::size_t i = 0; i < polygon.size(); i += 2)
                ring.push_back({number_of(polygon[i], where), number_of(polygon[i + 1], where)});
            check_polygon(ring, where);
            shape.area += area_of(ring);
            shape.rings.push_back(std::move(ring));
        }
        return;
    }
    check_size(segmentation, frame, where);
    const json& counts = field(segmentation, "counts", where);
    if (counts.is_string()) {
        shape.runs = runs_of(counts.get<std::string>(), where);
    } else {
        for (const json& count : list_field(segmentation, "counts", where)) {
            if (!count.is_number_unsigned() || count.get<std::uint64_t>() > UINT32_MAX)
                fail("{}: {} is no run length", where, shown(count));
            shape.runs.push_back(count.get<std::uint32_t>());
        }
    }
    for (std::size_t i = 1; i < shape.runs.size(); i += 2) shape.area += shape.runs[i];
    // pycocotools fills what is short with whatever was in memory; its own run lengths are always whole.
    const std::uint64_t sum = std::accumulate(shape.runs.begin(), shape.runs.end(), std::uint64_t{0}),
                        pixels = static_cast<std::uint64_t>(frame.height) * static_cast<std::uint64_t>(frame.width);
    if (!shape.runs.empty() && pixels > 0 && sum != pixels)
        fail("{}: its run lengths are of {} pixels, its picture of {} ({}x{}, width x height)", where, sum, pixels,
             frame.width, frame.height);
}

}  // namespace

Export read_coco(const std::filesystem::path& file) {
    const std::string name = file.string();
    const json whole = read_export(file);
    Export result;
    std::map<std::int64_t, int> classes;
    std::map<std::int64_t, std::size_t> frames;
    std::size_t number = 0;
    for (const json& category : list_field(whole, "categories", name)) {
        const std::string where = fmt::format("{}: categories[{}]", name, number++);
        const int class_id = result.class_id(text_field(category, "name", where), where);
        if (!classes.emplace(id_field(category, "id", where), class_id).second)
            fail("{}: there are two categories with its id", where);
    }
    number = 0;
    for (const json& image : list_field(whole, "images", name)) {
        const std::string where = fmt::format("{}: images[{}]", name, number++);
        if (!frames.emplace(id_field(image, "id", where), result.frames.size()).second)
            fail("{}: there are two images with its id", where);
        result.frames.push_back({text_field(image, "file_name", where),
                                 size_field(image, "height", where),
                                 size_field(image, "width", where),
                                 {}});
    }
    number = 0;
    for (const json& annotation : list_field(whole, "annotations", name)) {
        const std::string where = fmt::format("{}: annotations[{}]", name, number++);
        const auto frame = frames.find(id_field(annotation, "image_id", where));
        const auto class_id = classes.find(id_field(annotation, "category_id", where));
        if (frame == frames.end()) fail("{}: is of an image that is not in the file", where);
        if (class_id == classes.end()) fail("{}: is of a category that is not in the file", where);
        Shape2d shape{class_id->second, {}, {}, 0};
        const bool crowd = annotation.contains("iscrowd") && annotation["iscrowd"] == 1;
        if (crowd) shape.class_id = Export::void_class;
        DrawnFrame& drawn = result.frames[frame->second];
        if (annotation.contains("segmentation")) read_segmentation(annotation["segmentation"], shape, drawn, where);
        if (shape.rings.empty() && shape.runs.empty())
            fail("{}: has no 'segmentation', so nothing to paint; draw it, or take the annotation away", where);
        drawn.shapes.push_back(std::move(shape));
    }
    // The smaller over the larger, so that a rider stays on the bicycle.
    for (DrawnFrame& frame : result.frames)
        std::stable_sort(frame.shapes.begin(), frame.shapes.end(),
                         [](const Shape2d& a, const Shape2d& b) { return a.area > b.area; });
    return result;
}

}  // namespace camber
