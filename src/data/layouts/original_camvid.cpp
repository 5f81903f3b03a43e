// CamVid as its authors released it (Brostow et al. 2008): 701 stills, and NAME_L.png in the colours of
// label_colors.txt.
// Lists of the published splits (train.txt, val.txt, test.txt of names or paths) may lie beside the folders.
#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr const char *stills = "701_StillsRaw_full", *labels = "LabeledApproved_full";

class OriginalCamVid : public Layout {
  public:
    const char* name() const override { return "original-camvid"; }
    const char* what() const override { return "CamVid's own release: 701_StillsRaw_full/, LabeledApproved_full/"; }

    std::string recognise(const fs::path& folder) const override {
        if (!has_folder(folder, stills) || !has_folder(folder, labels)) return {};
        return fmt::format("it has {}/ and {}/", stills, labels);
    }

    bool undivided(const fs::path& folder) const override { return list_of(folder, "train").empty(); }

    std::vector<std::string> splits(const fs::path& folder) const override {
        return undivided(folder) ? std::vector<std::string>{"train"} : listed_splits(folder);
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        if (undivided(folder)) return Pairing(folder / stills, folder / labels).samples();
        // The published lists are of SegNet's files, whose labels have other names: the frame's name counts.
        std::vector<SamplePaths> samples =
            listed_samples(list_of(folder, split), {folder, folder / stills, folder / labels});
        return samples;
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes = folder_classes(folder);
        if (classes.from == FolderClasses::From::nothing) {
            classes.file.table = camvid32();
            classes.from = FolderClasses::From::folder;
            classes.where = "CamVid's published colours";
        }
        classes.palette_colours = true;
        return classes;
    }

    std::vector<Places> places(const fs::path& folder) const override { return {{folder / stills, folder / labels}}; }
};

}  // namespace

const Layout& original_camvid_layout() {
    static const OriginalCamVid layout;
    return layout;
}

}  // namespace camber
