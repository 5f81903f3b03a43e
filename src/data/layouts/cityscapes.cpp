// Cityscapes: leftImg8bit/SPLIT/CITY/*_leftImg8bit.png with gtFine (or gtCoarse)/SPLIT/CITY/*_gtFine_labelIds.png or
// _labelTrainIds.png. https://www.cityscapes-dataset.com
#include <algorithm>

#include "data/known_classes.h"
#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

class Cityscapes : public Layout {
  public:
    const char* name() const override { return "cityscapes"; }
    const char* what() const override { return "Cityscapes: leftImg8bit/SPLIT/CITY/, gtFine/ or gtCoarse/"; }

    std::string recognise(const fs::path& folder) const override {
        if (!has_folder(folder, "leftImg8bit")) return {};
        return fmt::format("it has leftImg8bit/ and {}/", truth(folder));
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        std::vector<std::string> found;
        for (const fs::path& split : folders_in(folder / "leftImg8bit")) found.push_back(split.filename().string());
        return found;
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        const fs::path images = folder / "leftImg8bit" / split, labels = folder / truth(folder) / split;
        const std::string suffix = label_suffix(folder);
        std::vector<SamplePaths> samples = Pairing(images, labels).samples();
        for (SamplePaths& sample : samples) {
            std::string stem = sample.image.stem().string();
            constexpr std::string_view end = "_leftImg8bit";
            if (stem.ends_with(end)) stem.resize(stem.size() - end.size());
            sample.label = labels / sample.image.lexically_relative(images).parent_path() / (stem + suffix);
            std::error_code error;
            // The test frames' label maps are empty in the release, or not there: no truth.
            if (split == "test" || !fs::is_regular_file(sample.label, error)) sample.label.clear();
        }
        return samples;
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes;
        classes.file.table = cityscapes19();
        classes.from = FolderClasses::From::folder;
        classes.where = "Cityscapes' 19 training classes, ids of *" + label_suffix(folder);
        if (trained_ids(folder)) return classes;
        std::vector<int> rest = {255};
        for (int id = 0; id <= 33; ++id) {
            const auto* found = std::find(std::begin(cityscapes_label_ids), std::end(cityscapes_label_ids), id);
            if (found == std::end(cityscapes_label_ids)) {
                rest.push_back(id);
            } else {
                classes.file.source(static_cast<int>(found - std::begin(cityscapes_label_ids))).ids = {id};
            }
        }
        classes.file.source(classes.file.table.count()).ids = rest;
        return classes;
    }

  private:
    static std::string truth(const fs::path& folder) { return has_folder(folder, "gtFine") ? "gtFine" : "gtCoarse"; }

    /// Whether the files that cityscapesScripts make are there, of the training ids.
    static bool trained_ids(const fs::path& folder) {
        for (const fs::path& split : folders_in(folder / truth(folder)))
            for (const fs::path& city : folders_in(split))
                for (const fs::path& file : pictures_below(city))
                    if (file.stem().string().ends_with("_labelIds")) return false;
        return true;
    }
    static std::string label_suffix(const fs::path& folder) {
        return fmt::format("_{}_{}.png", truth(folder), trained_ids(folder) ? "labelTrainIds" : "labelIds");
    }
};

}  // namespace

const Layout& cityscapes_layout() {
    static const Cityscapes layout;
    return layout;
}

}  // namespace camber
