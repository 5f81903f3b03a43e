// Pascal VOC: JPEGImages/NAME.jpg, SegmentationClass/NAME.png (palette, index 255 void), names in
// ImageSets/Segmentation/SPLIT.txt. http://host.robots.ox.ac.uk/pascal/VOC
// Tools export classes of one's own in this layout: CVAT with labelmap.txt, labelme2voc with class_names.txt.
#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

class PascalVoc : public Layout {
  public:
    const char* name() const override { return "voc"; }
    const char* what() const override {
        return "Pascal VOC: JPEGImages/, SegmentationClass/, ImageSets/Segmentation/*.txt";
    }

    std::string recognise(const fs::path& folder) const override {
        if (!has_folder(folder, "JPEGImages") || !has_folder(folder, "SegmentationClass")) return {};
        return "it has JPEGImages/ and SegmentationClass/";
    }

    bool undivided(const fs::path& folder) const override { return listed_splits(list_folder(folder)).empty(); }

    std::vector<std::string> splits(const fs::path& folder) const override {
        const std::vector<std::string> found = listed_splits(list_folder(folder));
        return found.empty() ? std::vector<std::string>{"train"} : found;
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        const fs::path images = folder / "JPEGImages", labels = folder / "SegmentationClass";
        if (!undivided(folder)) return listed_samples(list_of(list_folder(folder), split), {folder, images, labels});
        // Most of VOC's pictures are for detection.
        std::vector<SamplePaths> samples;
        for (SamplePaths& sample : Pairing(images, labels).samples())
            if (!sample.label.empty()) samples.push_back(std::move(sample));
        return samples;
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes = folder_classes(folder);
        // CVAT's palettes are in its table's colours, not in its order.
        classes.palette_colours = classes.file.says_colours && fs::path(classes.where).stem() == "labelmap";
        if (classes.from != FolderClasses::From::nothing) return classes;
        classes.file.table = voc21();
        classes.from = FolderClasses::From::folder;
        classes.where = "VOC's 21 classes";
        return classes;
    }

    std::vector<Places> places(const fs::path& folder) const override {
        return {{folder / "JPEGImages", folder / "SegmentationClass"}};
    }

  private:
    static fs::path list_folder(const fs::path& folder) { return folder / "ImageSets" / "Segmentation"; }
};

}  // namespace

const Layout& pascal_voc_layout() {
    static const PascalVoc layout;
    return layout;
}

}  // namespace camber
