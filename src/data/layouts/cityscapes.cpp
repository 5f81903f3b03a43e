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
        if (homes(folder, pictures).empty()) return {};
        for (const char* truth : truths)
            if (!homes(folder, truth).empty()) return fmt::format("it has leftImg8bit/ and {}/", truth);
        return "it has leftImg8bit/";
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        std::vector<std::string> found;
        for (const fs::path& home : homes(folder, pictures))
            for (const fs::path& split : folders_in(home)) found.push_back(split.filename().string());
        return found;
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        const auto& [images, labels, truth] = part_of(folder, split);
        const std::string suffix = fmt::format("_{}_{}.png", truth, ids(folder));
        std::vector<SamplePaths> samples = Pairing(images, {}).samples();
        for (SamplePaths& sample : samples) {
            std::string stem = sample.image.stem().string();
            constexpr std::string_view end = "_leftImg8bit";
            if (stem.ends_with(end)) stem.resize(stem.size() - end.size());
            sample.label = labels / sample.image.lexically_relative(images).parent_path() / (stem + suffix);
            std::error_code error;
            // The test frames' label maps are empty in the release, or not there: no truth.
            if (split == "test" || labels.empty() || !fs::is_regular_file(sample.label, error)) sample.label.clear();
        }
        return samples;
    }

    /// Those in which nothing pairs: beside label maps lie others of the frames, in colours say.
    std::vector<Places> places(const fs::path& folder) const override {
        std::vector<Places> places;
        for (const std::string& split : splits(folder)) {
            const std::vector<SamplePaths> all = samples(folder, split);
            const auto is_labelled = [](const SamplePaths& sample) { return !sample.label.empty(); };
            if (split == "test" || std::any_of(all.begin(), all.end(), is_labelled)) continue;
            const Part part = part_of(folder, split);
            places.push_back({part.images, part.labels});
        }
        return places;
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes;
        classes.file.table = cityscapes19();
        classes.from = FolderClasses::From::folder;
        classes.where = fmt::format("Cityscapes' 19 training classes, from {}", ids(folder));
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
    static constexpr const char *pictures = "leftImg8bit", *truths[] = {"gtFine", "gtCoarse"};

    struct Part {
        fs::path images, labels;
        const char* truth;
    };

    /// leftImg8bit/, and leftImg8bit_trainvaltest/leftImg8bit/ and the like, as the archives are unpacked by name.
    static std::vector<fs::path> homes(const fs::path& folder, const std::string& name) {
        std::vector<fs::path> found;
        if (has_folder(folder, name)) found.push_back(folder / name);
        for (const fs::path& archive : folders_in(folder))
            if (archive.filename().string().starts_with(name + "_") && has_folder(archive, name))
                found.push_back(archive / name);
        return found;
    }

    static fs::path home_of(const fs::path& folder, const std::string& name, const std::string& split) {
        for (const fs::path& home : homes(folder, name))
            if (has_folder(home, split)) return home / split;
        return {};
    }

    /// Of train_extra there are coarse labels alone.
    static Part part_of(const fs::path& folder, const std::string& split) {
        Part part{home_of(folder, pictures, split), {}, nullptr};
        for (const char* truth : truths) {
            part.truth = truth;
            if (part.labels = home_of(folder, truth, split); !part.labels.empty()) break;
        }
        return part;
    }

    /// Whether the training ids' files, which cityscapesScripts make, are all there is.
    static bool trained_ids(const fs::path& folder) {
        for (const char* truth : truths)
            for (const fs::path& home : homes(folder, truth))
                for (const fs::path& split : folders_in(home))
                    for (const fs::path& city : folders_in(split))
                        for (const fs::path& file : pictures_below(city))
                            if (file.stem().string().ends_with("_labelIds")) return false;
        return true;
    }
    static const char* ids(const fs::path& folder) { return trained_ids(folder) ? "labelTrainIds" : "labelIds"; }
};

}  // namespace

const Layout& cityscapes_layout() {
    static const Cityscapes layout;
    return layout;
}

}  // namespace camber
