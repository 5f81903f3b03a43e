#include "data/dataset_search.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "data/layouts/layout.h"
#include "data/picture_index.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

/// Of the layout `wanted`, or of any where that is empty.
std::vector<Recognised> recognised(const std::vector<fs::path>& folders, const std::string& wanted) {
    std::vector<Recognised> found;
    for (const fs::path& folder : folders) {
        for (const Layout* layout : all_layouts()) {
            if (!wanted.empty() && wanted != layout->name()) continue;
            std::string why = layout->recognise(folder);
            if (why.empty()) continue;
            found.push_back({layout, folder, std::move(why)});
            break;
        }
    }
    return found;
}

/// "a/, b/, 3 more folders, 12 pictures": what lies in a folder itself.
std::string contents(const fs::path& folder) {
    constexpr std::size_t most_named = 4;
    std::vector<std::string> parts;
    std::vector<fs::path> folders = folders_in(folder);
    const std::size_t more = folders.size() - std::min(folders.size(), most_named);
    folders.resize(folders.size() - more);
    for (const fs::path& each : folders) parts.push_back(each.filename().string() + "/");
    if (more > 0) parts.push_back(fmt::format("{} more folders", more));
    std::size_t pictures = 0;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        pictures += is_picture(entry->path());
    if (pictures > 0) parts.push_back(fmt::format("{} picture{}", pictures, pictures == 1 ? "" : "s"));
    return parts.empty() ? "no folders and no pictures" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::optional<Recognised> search_dataset(const fs::path& folder, const std::string& wanted) {
    constexpr int deepest = 5;
    constexpr std::size_t most_folders = 1000;
    std::vector<fs::path> level = {folder};
    for (int depth = 0; depth < deepest && level.size() <= most_folders; ++depth) {
        std::vector<Recognised> found = recognised(level, wanted);
        if (found.size() > 1)
            fail("{}: holds {} datasets, {} ({}) and {} ({}){}: give the folder of one", folder.string(), found.size(),
                 found[0].folder.string(), found[0].layout->name(), found[1].folder.string(), found[1].layout->name(),
                 found.size() > 2 ? " among them" : "");
        if (!found.empty()) return found[0];
        std::vector<fs::path> below;
        for (const fs::path& each : level) {
            const std::vector<fs::path> within = folders_in(each);
            below.insert(below.end(), within.begin(), within.end());
        }
        level = std::move(below);
    }
    return {};
}

Recognised find_dataset(const fs::path& folder, const std::string& wanted) {
    if (std::optional<Recognised> found = search_dataset(folder, wanted)) return *found;
    for (const Layout* layout : all_layouts())
        if (wanted == layout->name())
            fail("{}: is not of the layout {} ({}): it holds {}", folder.string(), wanted, layout->what(),
                 contents(folder));
    fail(
        "{}: no splits found: it holds {}; expected images/ with masks/ or labels/, train/ with train_masks/, "
        "train.txt "
        "with train/ and trainannot/, or a published dataset's folders (docs/datasets.md)",
        folder.string(), contents(folder));
}

}  // namespace camber
