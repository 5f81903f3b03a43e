#include "data/sample_list.h"

#include <camber/dataset.h>
#include <camber/error.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string_view>

#include "io/text_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr const char* extensions[] = {".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG"};

bool is_picture(const fs::path& file) {
    const std::string extension = file.extension().string();
    return std::find(std::begin(extensions), std::end(extensions), extension) != std::end(extensions);
}

/// `file`, or the same name with another picture extension; empty when there is neither.
fs::path find_picture(const fs::path& file) {
    std::error_code code;
    if (fs::is_regular_file(file, code)) return file;
    for (const char* extension : extensions) {
        fs::path other = file;
        other.replace_extension(extension);
        if (fs::is_regular_file(other, code)) return other;
    }
    return {};
}

/// Lists made on another machine name absolute paths, so the end of the name is looked for under the dataset's folder.
fs::path resolve(const fs::path& folder, const std::string& listed, const fs::path& pictures) {
    const fs::path path = listed;
    std::vector<fs::path> candidates;
    candidates.push_back(path.is_absolute() ? path : folder / path);
    if (path.has_parent_path()) candidates.push_back(folder / path.parent_path().filename() / path.filename());
    candidates.push_back(pictures / path.filename());
    for (const fs::path& candidate : candidates) {
        if (fs::path found = find_picture(candidate); !found.empty()) return found;
    }
    return {};
}

std::vector<SamplePaths> read_list(const fs::path& folder, const std::string& split) {
    const fs::path list = folder / (split + ".txt");
    constexpr std::uint64_t most_bytes = 256 << 20;
    const std::string text = read_text(list, most_bytes);
    std::vector<SamplePaths> samples;
    int number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        std::istringstream words{std::string(take_line(rest))};
        ++number;
        std::vector<std::string> fields;
        for (std::string word; words >> word;) fields.push_back(word);
        if (fields.empty()) continue;
        const std::string origin = fmt::format("{} line {}", list.string(), number);
        if (fields.size() != 2) {
            fail("{}: expected 'image label', found {} field{}; names must not contain spaces", origin, fields.size(),
                 fields.size() == 1 ? "" : "s");
        }
        const fs::path image = resolve(folder, fields[0], folder / split);
        if (image.empty()) fail("{}: image {} is not there; copy it or remove the line", origin, fields[0]);
        const fs::path label = resolve(folder, fields[1], folder / (split + "annot"));
        if (label.empty()) fail("{}: label map {} is not there; copy it or remove the line", origin, fields[1]);
        samples.push_back({image, label, origin});
    }
    if (samples.empty()) fail("{}: lists no images; add 'image label' lines or choose another split", list.string());
    return samples;
}

std::vector<SamplePaths> pair_folders(const fs::path& folder, const std::string& split) {
    const fs::path images = folder / split, labels = folder / (split + "annot");
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(images)) {
        // macOS leaves a hidden ._NAME beside every NAME.
        const bool hidden = entry.path().filename().string().starts_with('.');
        if (entry.is_regular_file() && is_picture(entry.path()) && !hidden) files.push_back(entry.path());
    }
    if (files.empty()) fail("{}: holds no PNG or JPEG images", images.string());
    std::sort(files.begin(), files.end());
    std::vector<SamplePaths> samples;
    for (const fs::path& image : files) {
        const fs::path label = find_picture(labels / image.filename());
        if (label.empty()) fail("{}: has no label map {}", image.string(), (labels / image.filename()).string());
        samples.push_back({image, label, images.string()});
    }
    return samples;
}

}  // namespace

std::vector<std::string> Dataset::splits(const fs::path& folder) {
    std::error_code code;
    if (!fs::is_directory(folder, code)) {
        fail("{}: there is no such folder; give the folder that holds train.txt or train/", folder.string());
    }
    // A list counts when it has the name of a usual split or pictures beside it, so that notes in .txt files do not.
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string(), stem = entry.path().stem().string();
        if (entry.is_directory(code) && fs::is_directory(folder / (name + "annot"), code)) found.insert(name);
        if (entry.is_regular_file(code) && entry.path().extension() == ".txt" &&
            (stem == "train" || stem == "val" || stem == "test" || stem == "trainval" ||
             fs::is_directory(folder / stem, code))) {
            found.insert(stem);
        }
    }
    std::vector<std::string> ordered;
    for (const char* usual : {"train", "val", "test"}) {
        if (found.erase(usual) > 0) ordered.emplace_back(usual);
    }
    ordered.insert(ordered.end(), found.begin(), found.end());
    return ordered;
}

std::vector<SamplePaths> list_samples(const fs::path& folder, const std::string& split) {
    const std::vector<std::string> present = Dataset::splits(folder);
    if (std::find(present.begin(), present.end(), split) == present.end()) {
        if (present.empty()) {
            fail("{}: no splits found; expected SegNet's layout (train.txt, train/, trainannot/, likewise val)",
                 folder.string());
        }
        std::string names;
        for (const std::string& name : present) names += (names.empty() ? "" : ", ") + name;
        fail("{}: has no split '{}'; present: {}", folder.string(), split, names);
    }
    std::error_code code;
    if (fs::exists(fs::symlink_status(folder / (split + ".txt"), code))) return read_list(folder, split);
    return pair_folders(folder, split);
}

}  // namespace camber
