#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

#include "core/lower.h"
#include "data/layouts/layout.h"
#include "data/picture_index.h"

namespace camber {

namespace fs = std::filesystem;

#define CAMBER_LAYOUT(name) const Layout& name##_layout();
#include "data/layouts/layouts.def"
#undef CAMBER_LAYOUT

const std::vector<const Layout*>& all_layouts() {
    static const std::vector<const Layout*> layouts = {
#define CAMBER_LAYOUT(name) &name##_layout(),
#include "data/layouts/layouts.def"
#undef CAMBER_LAYOUT
    };
    return layouts;
}

std::vector<LayoutInfo> data_layouts() {
    std::vector<LayoutInfo> list;
    for (const Layout* layout : all_layouts()) list.push_back({layout->name(), layout->what()});
    return list;
}

bool has_folder(const fs::path& folder, const std::string& name) {
    std::error_code error;
    return fs::is_directory(folder / name, error);
}

bool has_file(const fs::path& folder, const std::string& name) {
    std::error_code error;
    return fs::exists(fs::symlink_status(folder / name, error)) && !fs::is_directory(folder / name, error);
}

FolderClasses folder_classes(const fs::path& folder) {
    FolderClasses classes;
    const fs::path file = find_class_file(folder);
    if (file.empty()) return classes;
    classes.file = read_class_file(file);
    classes.from = FolderClasses::From::folder;
    classes.where = file.filename().string();
    return classes;
}

namespace {

const std::map<std::string, std::string> usual_splits = {
    {"training", "train"}, {"valid", "val"}, {"validation", "val"},    {"testing", "test"},     {"train", "train"},
    {"val", "val"},        {"test", "test"}, {"trainval", "trainval"}, {"trainaug", "trainaug"}};

}  // namespace

std::string usual_split(const std::string& name) {
    const std::string small = lower(name);
    for (const auto& [called, split] : usual_splits) {
        if (!small.starts_with(called)) continue;
        static const std::regex more("(20[0-9]{2}|[-_ ](list|set|images))?");
        if (std::regex_match(small.substr(called.size()), more)) return split;
    }
    return name;
}

fs::path list_of(const fs::path& folder, const std::string& split) {
    // The plain name before others of its split: notes may be called train_set.txt.
    for (const bool plain : {true, false}) {
        std::vector<std::pair<std::string, fs::path>> lists;
        for (const fs::path& place : plain ? std::vector{folder} : std::vector{folder, folder / "splits"}) {
            std::error_code error;
            for (auto entry = fs::directory_iterator(place, error); !error && entry != fs::directory_iterator();
                 entry.increment(error)) {
                const std::string stem = entry->path().stem().string(), kind = ending(entry->path());
                std::error_code none;
                const bool is_plain = kind == ".txt" && usual_splits.contains(lower(stem));
                const bool is_list = plain ? is_plain : kind == ".txt" || kind == ".csv";
                if (is_list && usual_split(stem) == split && !entry->is_directory(none))
                    lists.emplace_back(split, entry->path());
            }
        }
        refuse_same_split(lists);
        if (!lists.empty()) return lists.front().second;
    }
    return {};
}

std::vector<std::string> listed_splits(const fs::path& folder) {
    std::vector<std::string> found;
    for (const char* split : {"train", "val", "test", "trainval", "trainaug"})
        if (!list_of(folder, split).empty()) found.emplace_back(split);
    return found;
}

void refuse_same_split(const std::vector<std::pair<std::string, fs::path>>& places) {
    std::map<std::string, fs::path> seen;
    for (const auto& [split, path] : places) {
        const auto [place, added] = seen.emplace(split, path);
        if (added) continue;
        const auto [first, second] = std::minmax({place->second.string(), path.string()});
        fail("{} and {} are both the split '{}': join them, or take one away", first, second, split);
    }
}

bool is_split_name(const std::string& name) { return usual_splits.contains(usual_split(name)); }

}  // namespace camber
