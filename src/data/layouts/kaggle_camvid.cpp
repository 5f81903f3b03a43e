// Kaggle's CamVid (carlolepelaars/camvid): train/NAME.png and train_labels/NAME_L.png in the colours of class_dict.csv,
// likewise val and test. https://www.kaggle.com/datasets/carlolepelaars/camvid
#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

class KaggleCamVid : public Layout {
  public:
    const char* name() const override { return "kaggle-camvid"; }
    const char* what() const override {
        return "Kaggle's CamVid: train/, train_labels/, likewise val, test; class_dict.csv";
    }

    std::string recognise(const fs::path& folder) const override {
        if (!has_file(folder, "class_dict.csv") || splits(folder).empty()) return {};
        return fmt::format("it has class_dict.csv and {}_labels/", splits(folder).front());
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        std::vector<std::string> found;
        for (const char* split : {"train", "val", "test"})
            if (has_folder(folder, split) && has_folder(folder, std::string(split) + "_labels"))
                found.emplace_back(split);
        return found;
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        return Pairing(folder / split, folder / (split + "_labels")).samples();
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes;
        classes.file = read_class_file(folder / "class_dict.csv");
        classes.from = FolderClasses::From::folder;
        classes.where = "class_dict.csv";
        classes.palette_colours = true;
        return classes;
    }

    std::vector<Places> places(const fs::path& folder) const override {
        std::vector<Places> places;
        for (const std::string& split : splits(folder))
            places.push_back({folder / split, folder / (split + "_labels")});
        return places;
    }
};

}  // namespace

const Layout& kaggle_camvid_layout() {
    static const KaggleCamVid layout;
    return layout;
}

}  // namespace camber
