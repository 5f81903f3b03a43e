// fastai's CamVid (camvid.tgz): images/NAME.png, labels/NAME_P.png with ids, codes.txt with their names, valid.txt with
// the validation frames. camvid_tiny.tgz has no valid.txt.

#include <set>

#include "data/layouts/pairing.h"
#include "data/list_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

class FastaiCamVid : public Layout {
  public:
    const char* name() const override { return "fastai-camvid"; }
    const char* what() const override { return "fastai's: images/, labels/NAME_P.png, codes.txt, valid.txt"; }

    std::string recognise(const fs::path& folder) const override {
        if (!has_folder(folder, "images") || !has_folder(folder, "labels") || !has_file(folder, "codes.txt")) return {};
        return "it has images/, labels/ and codes.txt";
    }

    bool undivided(const fs::path& folder) const override { return list_of(folder, "val").empty(); }

    std::vector<std::string> splits(const fs::path& folder) const override {
        return undivided(folder) ? std::vector<std::string>{"train"} : std::vector<std::string>{"train", "val"};
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        const std::vector<SamplePaths> all = Pairing(folder / "images", folder / "labels").samples();
        if (undivided(folder)) return all;
        const fs::path list = list_of(folder, "val");
        std::set<std::string> valid;
        for (const SamplePaths& sample : listed_samples(list, {folder, folder / "images", folder / "labels"}))
            valid.insert(sample.image.string());
        std::vector<SamplePaths> samples;
        for (const SamplePaths& sample : all)
            if (valid.contains(sample.image.string()) == (split == "val")) samples.push_back(sample);
        if (samples.empty()) fail("{}: leaves no frames for {}", list.string(), split);
        return samples;
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes;
        classes.file = read_class_file(folder / "codes.txt");
        classes.from = FolderClasses::From::folder;
        classes.where = "codes.txt";
        // Names alone: the colours are CamVid's where the classes are.
        ClassTable& table = classes.file.table;
        if (table.names == camvid32().names) {
            table.colours = camvid32().colours;
            table.void_colour = camvid32().void_colour;
        }
        return classes;
    }

    std::vector<Places> places(const fs::path& folder) const override {
        return {{folder / "images", folder / "labels"}};
    }
};

}  // namespace

const Layout& fastai_camvid_layout() {
    static const FastaiCamVid layout;
    return layout;
}

}  // namespace camber
