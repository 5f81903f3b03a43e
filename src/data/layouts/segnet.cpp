// CamVid as SegNet's authors released it: train.txt lists "train/x.png trainannot/x.png", likewise val and test.
#include <algorithm>
#include <set>

#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

class SegNet : public Layout {
  public:
    const char* name() const override { return "segnet"; }
    const char* what() const override { return "SegNet's CamVid: train.txt, train/, trainannot/, likewise val, test"; }

    std::string recognise(const fs::path& folder) const override {
        const std::vector<Part> parts = parts_of(folder);
        for (const Part& part : parts)
            if (has_folder(folder, part.annot())) return fmt::format("it has {}/ with {}/", part.annot(), part.name);
        // A list alone: a user's own has its pictures elsewhere.
        for (const Part& part : parts)
            if (!has_folder(folder, "images")) return fmt::format("it has the list {}", part.list.filename().string());
        return {};
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        std::vector<std::string> found;
        for (const Part& part : checked_parts(folder)) found.push_back(part.split);
        return found;
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        for (const Part& part : checked_parts(folder)) {
            if (part.split != split) continue;
            const ListedFolders folders{folder, folder / part.name, folder / part.annot()};
            if (!part.list.empty()) return listed_samples(part.list, folders);
            return Pairing(folders.images, folders.labels).samples();
        }
        fail("{}: has no split '{}'", folder.string(), split);
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes = folder_classes(folder);
        if (classes.from == FolderClasses::From::nothing) {
            classes.file.table = camvid11();
            classes.from = FolderClasses::From::assumed;
        }
        return classes;
    }

    std::vector<Places> places(const fs::path& folder) const override {
        std::vector<Places> places;
        for (const Part& part : parts_of(folder)) places.push_back({folder / part.name, folder / part.annot()});
        return places;
    }

  private:
    struct Part {
        std::string split, name;  ///< "train", and what its folder is called, "Train" say
        fs::path list;            ///< empty: there is none
        std::string annot() const { return name + "annot"; }
    };

    /// Folders with one of label maps, and lists: of a split's usual name, or of such a folder's, so that notes in .txt
    /// files are none.
    static std::vector<Part> parts_of(const fs::path& folder) {
        std::vector<Part> parts;
        for (const fs::path& within : folders_in(folder)) {
            const std::string name = within.filename().string();
            if (has_folder(folder, name + "annot")) parts.push_back({usual_split(name), name, {}});
        }
        std::set<fs::path> lists;
        std::error_code error, none;
        for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
             entry.increment(error))
            if (ending(entry->path()) == ".txt" && !entry->is_directory(none)) lists.insert(entry->path());
        for (const fs::path& list : lists) {
            const std::string stem = list.stem().string(), split = usual_split(stem);
            const auto part = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.split == split; });
            const bool usual = is_split_name(stem) && stem.size() == split.size();
            if (part == parts.end() && !usual && !has_folder(folder, stem)) continue;
            if (part != parts.end() && part->list.empty()) {
                part->list = list;
            } else {
                parts.push_back({split, stem, list});
            }
        }
        return parts;
    }

    /// Throws Error where two are of one split.
    static std::vector<Part> checked_parts(const fs::path& folder) {
        std::vector<Part> parts = parts_of(folder);
        std::vector<std::pair<std::string, fs::path>> places;
        for (const Part& part : parts)
            places.emplace_back(part.split, part.list.empty() ? folder / part.name : part.list);
        refuse_same_split(places);
        return parts;
    }
};

}  // namespace

const Layout& segnet_layout() {
    static const SegNet layout;
    return layout;
}

}  // namespace camber
