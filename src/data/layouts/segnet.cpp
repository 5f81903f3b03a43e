// CamVid as SegNet's authors released it: train.txt lists "train/x.png trainannot/x.png", likewise val and test.
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
        const std::vector<std::string> found = splits(folder);
        for (const std::string& split : found)
            if (has_folder(folder, split + "annot")) return fmt::format("it has {0}annot/ with {0}/", split);
        // A list alone: a user's own has its pictures elsewhere.
        for (const std::string& split : found)
            if (!has_folder(folder, "images")) return fmt::format("it has the list {}.txt", split);
        return {};
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        // A list counts when it has the name of a usual split or pictures beside it, so that notes in .txt files do
        // not.
        std::set<std::string> found;
        std::error_code code;
        for (const auto& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().filename().string(), stem = entry.path().stem().string();
            if (entry.is_directory(code) && has_folder(folder, name + "annot")) found.insert(name);
            if (entry.path().extension() == ".txt" && !entry.is_directory(code) &&
                (stem == usual_split(stem) && is_split_name(stem) ? true : has_folder(folder, stem)))
                found.insert(stem);
        }
        return {found.begin(), found.end()};
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        const ListedFolders folders{folder, folder / split, folder / (split + "annot")};
        if (has_file(folder, split + ".txt")) return listed_samples(folder / (split + ".txt"), folders);
        return Pairing(folders.images, folders.labels).samples();
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes = folder_classes(folder);
        if (classes.from == FolderClasses::From::nothing) {
            classes.file.table = camvid11();
            classes.from = FolderClasses::From::assumed;
        }
        return classes;
    }

    std::vector<fs::path> label_folders(const fs::path& folder) const override {
        std::vector<fs::path> folders;
        for (const std::string& split : splits(folder)) folders.push_back(folder / (split + "annot"));
        return folders;
    }
};

}  // namespace

const Layout& segnet_layout() {
    static const SegNet layout;
    return layout;
}

}  // namespace camber
