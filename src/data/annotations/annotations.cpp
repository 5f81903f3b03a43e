#include "data/annotations/annotations.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>

#include "data/annotations/fields.h"
#include "data/division.h"
#include "data/known_classes.h"
#include "data/picture_index.h"
#include "io/image.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& folder, const char* extension) {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (entry.is_regular_file(error) && entry.path().extension() == extension &&
            !entry.path().filename().string().starts_with('.'))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// CVAT's file in a folder, empty where there is none. Pascal VOC's <annotation> is not it.
fs::path cvat_file(const fs::path& folder) {
    for (const fs::path& file : files_of(folder, ".xml")) {
        std::array<char, 512> start{};
        std::ifstream(file, std::ios::binary).read(start.data(), start.size());
        if (std::string_view(start.data(), start.size()).find("<annotations>") != std::string_view::npos) return file;
    }
    return {};
}

Export read_folder(const fs::path& folder) {
    const std::vector<fs::path> files = files_of(folder, ".json");
    if (files.empty())
        fail("{}: is no dataset and no folder of LabelMe's .json files; of CVAT's export give the file, {}",
             folder.string(), cvat_file(folder).string());
    return read_labelme(files);
}

Export read(const fs::path& path) {
    if (fs::is_directory(path)) return read_folder(path);
    if (path.extension() == ".xml") return read_cvat(path);
    const nlohmann::json whole = read_export(path);
    return whole.is_object() && whole.contains("shapes") ? read_labelme({path}) : read_coco(path);
}

/// Refuses coordinates that are shares of the picture.
void check_pixels_meant(const DrawnFrame& frame, const std::string& from) {
    bool any = false;
    for (const Shape2d& shape : frame.shapes) {
        if (!shape.runs.empty()) return;
        for (const Ring& ring : shape.rings)
            for (const Point& point : ring) {
                any = true;
                if (point.x < 0 || point.x > 1 || point.y < 0 || point.y > 1) return;
            }
    }
    if (any)
        fail("{}: all that is drawn on {} lies from 0 to 1: shares of the picture? Export pixels", from,
             frame.image.string());
}

Image painted(const DrawnFrame& frame, const std::string& from) {
    PictureSize size = read_picture_size(frame.image);
    // Drawn on what is stored, by a tool that knows nothing of Exif: the label map's size tells it from then on.
    if (size.orientation >= 5 && frame.height == size.width && frame.width == size.height)
        std::swap(size.height, size.width);
    if (frame.height > 0 && frame.width > 0 && (frame.height != size.height || frame.width != size.width))
        fail("{}: is {}x{}, but was {}x{} (width x height) when it was drawn on, says {}", frame.image.string(),
             size.width, size.height, frame.width, frame.height, from);
    return paint(frame.shapes, size.height, size.width, from);
}

}  // namespace

bool is_annotations(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error))
        return !DataFolder::recognises(path) && (!files_of(path, ".json").empty() || !cvat_file(path).empty());
    return path.extension() == ".json" || path.extension() == ".xml";
}

DrawnDataset read_annotations(const fs::path& path, const fs::path& images, double val_fraction) {
    Export drawings = read(path);
    if (drawings.frames.empty()) fail("{}: names no pictures", path.string());
    const fs::path beside = fs::is_directory(path) ? path : path.parent_path();
    const fs::path folder = images.empty() ? beside : images;
    PictureIndex index;
    std::vector<std::string> names;
    std::set<fs::path> seen;
    std::size_t blank = 0;
    fs::path first_blank;
    DrawnDataset dataset;
    for (DrawnFrame& frame : drawings.frames) {
        std::string named = frame.image.string();
        std::replace(named.begin(), named.end(), '\\', '/');  // as in lists
        const fs::path own =
            frame.file.empty() ? fs::path() : index.find(fs::path(frame.file).replace_extension(".png"));
        fs::path found = index.resolve(folder, named, folder);
        if (!own.empty() && found.empty()) {
            dataset.notes.push_back(fmt::format("{}: its imagePath, {}, is not there; {} beside it is taken",
                                                frame.file.string(), frame.image.string(), own.string()));
            found = own;
        }
        if (!own.empty() && own.stem() != found.stem())
            fail("{}: its imagePath is {}, but {} lies beside it; correct the one or take the other away",
                 frame.file.string(), frame.image.string(), own.string());
        if (found.empty())
            fail("{}: the picture {} is not in {}; give its folder with --images", path.string(), frame.image.string(),
                 folder.string());
        if (!seen.insert(found).second)
            fail("{}: names the picture {} twice; leave it in once, with all that is drawn on it", path.string(),
                 found.string());
        check_pixels_meant(frame, path.string());
        blank += frame.shapes.empty() ? 1 : 0;
        if (frame.shapes.empty() && first_blank.empty()) first_blank = found;
        frame.image = found;
        names.push_back(found.stem().string());
    }
    if (blank > 0)
        dataset.notes.push_back(
            fmt::format("warning: nothing is drawn on {} of {} pictures, which are background "
                        "throughout; {} is one",
                        blank, names.size(), first_blank.string()));
    std::set<fs::path> folders;
    for (const fs::path& picture : seen) folders.insert(picture.parent_path());
    std::size_t beside_them = 0;
    for (const fs::path& place : folders)
        for (const fs::path& picture : pictures_below(place))
            if (picture.parent_path() == place && !seen.contains(picture)) ++beside_them;
    if (beside_them > 0)
        dataset.left_out.push_back(fmt::format("{} picture{} beside them that {} not named", beside_them,
                                               beside_them == 1 ? "" : "s", beside_them == 1 ? "is" : "are"));
    dataset.classes.name = path.stem().string();
    for (const std::string& name : drawings.classes) {
        const auto colour = drawings.colours.find(dataset.classes.count());
        dataset.classes.colours.push_back(colour == drawings.colours.end() ? voc_colour(dataset.classes.count())
                                                                           : colour->second);
        dataset.classes.names.push_back(name);
    }
    dataset.classes.void_id = Export::void_class;
    dataset.classes.void_name = "void";
    dataset.classes.void_colour = {224, 224, 192};
    const std::vector<bool> held = held_for_validation(names, val_fraction > 0 ? val_fraction : usual_val_fraction);
    dataset.splits = {{"train", {}}, {"val", {}}};
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto frame = std::make_shared<const DrawnFrame>(std::move(drawings.frames[i]));
        dataset.splits[held[i] ? 1 : 0].frames.push_back(
            {frame->image, [frame, from = path.string()] { return painted(*frame, from); }});
    }
    std::erase_if(dataset.splits, [](const DrawnDataset::Split& split) { return split.frames.empty(); });
    return dataset;
}

}  // namespace camber
