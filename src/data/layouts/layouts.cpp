#include <algorithm>
#include <cctype>
#include <map>

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

std::string usual_split(const std::string& name) {
    static const std::map<std::string, std::string> usual = {
        {"training", "train"}, {"valid", "val"}, {"validation", "val"}, {"testing", "test"},
        {"train", "train"},    {"val", "val"},   {"test", "test"},      {"trainval", "trainval"}};
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto found = usual.find(lower);
    return found == usual.end() ? name : found->second;
}

fs::path list_of(const fs::path& folder, const std::string& split) {
    std::vector<std::pair<std::string, fs::path>> lists;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const fs::path& file = entry.path();
        if (ending(file) == ".txt" && usual_split(file.stem().string()) == split && !entry.is_directory(error))
            lists.emplace_back(split, file);
    }
    refuse_same_split(lists);
    return lists.empty() ? fs::path() : lists.front().second;
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

bool is_split_name(const std::string& name) {
    const std::string usual = usual_split(name);
    return usual == "train" || usual == "val" || usual == "test" || usual == "trainval";
}

}  // namespace camber
