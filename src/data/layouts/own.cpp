// A user's own: images/ with masks/ or labels/, or such within train/, val/ and test/, or train/ with train_labels/, or
// NAME_mask beside NAME in train/, as Roboflow exports them (with _classes.csv).

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <span>

#include "core/lower.h"
#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr const char* image_names[] = {"images", "image", "imgs", "img", "img_dir", "frames", "pictures"};
constexpr const char* label_names[] = {"masks",      "labels",  "mask", "label",  "annotations",
                                       "annotation", "ann_dir", "gt",   "targets"};
constexpr const char* label_ends[] = {"_labels", "_masks", "_label", "_mask", "_gt", "_annot", "-labels", "-masks"};

struct Part {
    std::string split;  ///< empty: all frames
    fs::path images, labels;
};

/// The first of `names` that a folder within is called, in any case; empty where there is none.
fs::path folder_called(const std::vector<fs::path>& within, std::span<const char* const> names) {
    for (const char* name : names)
        for (const fs::path& folder : within)
            if (lower(folder.filename().string()) == name) return folder;
    return {};
}

/// The split of whose label maps a folder's name speaks, "train" for train_masks; empty for others.
std::string labels_split(const std::string& name) {
    for (const std::string_view end : label_ends)
        if (lower(name).ends_with(end)) return usual_split(name.substr(0, name.size() - end.size()));
    return {};
}

std::optional<Part> pair_in(const fs::path& folder) {
    const std::vector<fs::path> within = folders_in(folder);
    const fs::path images = folder_called(within, image_names), labels = folder_called(within, label_names);
    return images.empty() || labels.empty() ? std::nullopt : std::optional(Part{"", images, labels});
}

/// Throws Error where two folders of label maps would do.
void refuse_two(const fs::path& folder) {
    const std::optional<Part> pair = pair_in(folder);
    if (!pair) return;
    for (const char* name : label_names) {
        const fs::path other = folder_called(folders_in(folder), std::array{name});
        if (!other.empty() && other != pair->labels && !pictures_below(other).empty() &&
            !pictures_below(pair->labels).empty())
            fail("{} and {} both hold label maps: take one away", pair->labels.string(), other.string());
    }
}

std::vector<Part> parts_of(const fs::path& folder) {
    std::vector<Part> parts;
    if (const std::optional<Part> all = pair_in(folder)) {
        std::vector<fs::path> label_splits = folders_in(all->labels);
        std::erase_if(label_splits, [](const fs::path& each) { return !is_split_name(each.filename().string()); });
        for (const fs::path& split : folders_in(all->images)) {
            const std::string name = split.filename().string();
            if (!is_split_name(name)) continue;
            fs::path labels = folder_called(label_splits, std::array{lower(name).c_str()});
            if (labels.empty()) labels = label_splits.empty() ? all->labels : all->labels / name;
            parts.push_back({usual_split(name), split, labels});
        }
        if (parts.empty()) parts.push_back(*all);
        return parts;
    }
    bool labelled = false;
    for (const fs::path& split : folders_in(folder)) {
        const std::string name = split.filename().string();
        if (!is_split_name(name)) continue;
        if (const std::optional<Part> within = pair_in(split)) {
            parts.push_back({usual_split(name), within->images, within->labels});
            labelled = true;
            continue;
        }
        const fs::path images = folder_called(folders_in(split), image_names);
        Part part{usual_split(name), images.empty() ? split : images, {}};
        for (const fs::path& beside : folders_in(folder))
            if (part.labels.empty() && labels_split(beside.filename().string()) == part.split) part.labels = beside;
        if (part.labels.empty() && !masks_beside(part.images).empty()) part.labels = part.images;
        labelled = labelled || !part.labels.empty();
        parts.push_back(part);
    }
    if (labelled) return parts;
    const fs::path images = folder_called(folders_in(folder), image_names);
    const bool beside = !images.empty() && folders_in(images).empty() && !masks_beside(images).empty();
    return beside ? std::vector{Part{"", images, images}} : std::vector<Part>();
}

class Own : public Layout {
  public:
    const char* name() const override { return "folders"; }
    const char* what() const override {
        return "images/ with masks/ or labels/; also within train/, val/, test/, or train/ with train_labels/ "
               "or NAME_mask beside NAME";
    }

    std::string recognise(const fs::path& folder) const override {
        for (const Part& part : parts_of(folder)) {
            if (part.labels.empty()) continue;
            if (part.labels == part.images)
                return fmt::format("NAME_mask is beside NAME in {}/", part.images.lexically_relative(folder).string());
            return fmt::format("it has {}/ and {}/", part.images.lexically_relative(folder).string(),
                               part.labels.lexically_relative(folder).string());
        }
        return {};
    }

    bool undivided(const fs::path& folder) const override {
        const std::vector<Part> parts = parts_of(folder);
        return parts.size() == 1 && parts[0].split.empty() && listed_splits(folder).empty();
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        refuse_two(folder);
        for (const fs::path& within : folders_in(folder)) refuse_two(within);
        const std::vector<Part> parts = parts_of(folder);
        if (parts.size() == 1 && parts[0].split.empty()) {
            const std::vector<std::string> listed = listed_splits(folder);
            if (listed.empty()) return {"train"};
            // A list of the validation frames alone leaves the others for training.
            if (listed == std::vector<std::string>{"val"}) return {"train", "val"};
            return listed;
        }
        refuse_same(parts);
        std::vector<std::string> found;
        for (const Part& part : parts) found.push_back(part.split);
        return found;
    }

    std::vector<SamplePaths> samples(const fs::path& folder, const std::string& split) const override {
        const std::vector<Part> parts = parts_of(folder);
        if (parts.size() != 1 || !parts[0].split.empty()) {
            refuse_same(parts);
            for (const Part& part : parts)
                if (part.split == split) return Pairing(part.images, part.labels).samples();
            fail("{}: has no split '{}'", folder.string(), split);
        }
        const Part& all = parts[0];
        const ListedFolders folders{folder, all.images, all.labels};
        if (const fs::path list = list_of(folder, split); !list.empty()) return listed_samples(list, folders);
        std::vector<SamplePaths> samples = Pairing(all.images, all.labels).samples();
        const fs::path val = list_of(folder, "val");
        if (val.empty()) return samples;
        std::set<std::string> listed;
        for (const SamplePaths& sample : listed_samples(val, folders)) listed.insert(sample.image.string());
        std::erase_if(samples, [&](const SamplePaths& sample) { return listed.contains(sample.image.string()); });
        if (samples.empty()) fail("{}: leaves no frames for training", val.string());
        return samples;
    }

    FolderClasses classes(const fs::path& folder) const override {
        FolderClasses classes = folder_classes(folder);
        if (classes.from != FolderClasses::From::nothing) return classes;
        fs::path first;
        std::set<fs::path> places, files;
        for (const Part& part : parts_of(folder))
            for (const fs::path& place : {part.images, part.labels, part.images.parent_path()})
                if (!place.empty() && place != folder) places.insert(place);
        for (const fs::path& place : places) {
            if (has_file(place, "_classes.csv")) files.insert(place / "_classes.csv");
            if (const fs::path table = find_class_file(place); !table.empty()) files.insert(table);
        }
        for (const fs::path& file : files) {
            ClassFile read = read_class_file(file);
            if (first.empty()) {
                classes = {std::move(read), FolderClasses::From::folder, file.lexically_relative(folder).string()};
                first = file;
            } else if (!says_the_same(read, classes.file)) {
                fail("{} and {} say different classes: give the folder one table, beside its splits", first.string(),
                     file.string());
            }
        }
        return classes;
    }

    std::vector<Places> places(const fs::path& folder) const override {
        std::vector<Places> places;
        for (const Part& part : parts_of(folder))
            if (!part.labels.empty()) places.push_back({part.images, part.labels});
        return places;
    }

  private:
    static void refuse_same(const std::vector<Part>& parts) {
        std::vector<std::pair<std::string, fs::path>> places;
        for (const Part& part : parts) places.emplace_back(part.split, part.images);
        refuse_same_split(places);
    }
};

}  // namespace

const Layout& own_layout() {
    static const Own layout;
    return layout;
}

}  // namespace camber
