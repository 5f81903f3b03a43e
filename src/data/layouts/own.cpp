// A user's own: images/ with masks/ or labels/, or such within train/, val/ and test/, or train/ with train_labels/.

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <span>

#include "data/layouts/pairing.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr const char* image_names[] = {"images", "image", "imgs", "img", "frames", "pictures"};
constexpr const char* label_names[] = {"masks",       "labels",     "mask", "label",
                                       "annotations", "annotation", "gt",   "targets"};
constexpr const char* label_ends[] = {"_labels", "_masks", "_label", "_mask", "_gt", "_annot", "-labels", "-masks"};

struct Part {
    std::string split;  ///< empty: all frames
    fs::path images, labels;
};

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

/// The first of `names` that a folder within is called, in any case; empty where there is none.
fs::path folder_called(const std::vector<fs::path>& within, std::span<const char* const> names) {
    for (const char* name : names)
        for (const fs::path& folder : within)
            if (lower(folder.filename().string()) == name) return folder;
    return {};
}

std::optional<Part> pair_in(const fs::path& folder) {
    const std::vector<fs::path> within = folders_in(folder);
    const fs::path images = folder_called(within, image_names), labels = folder_called(within, label_names);
    return images.empty() || labels.empty() ? std::nullopt : std::optional(Part{"", images, labels});
}

std::vector<Part> parts_of(const fs::path& folder) {
    std::vector<Part> parts;
    if (const std::optional<Part> all = pair_in(folder)) {
        for (const fs::path& split : folders_in(all->images)) {
            const std::string name = split.filename().string();
            if (!is_split_name(name)) continue;
            fs::path labels = folder_called(folders_in(all->labels), std::array{lower(name).c_str()});
            parts.push_back({usual_split(name), split, labels.empty() ? all->labels / name : labels});
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
        for (const char* end : label_ends)
            if (part.labels.empty())
                part.labels = folder_called(folders_in(folder), std::array{(lower(name) + end).c_str()});
        labelled = labelled || !part.labels.empty();
        parts.push_back(part);
    }
    return labelled ? parts : std::vector<Part>();
}

class Own : public Layout {
  public:
    const char* name() const override { return "folders"; }
    const char* what() const override {
        return "images/ with masks/ or labels/; also within train/, val/, test/, or train/ with train_labels/";
    }

    std::string recognise(const fs::path& folder) const override {
        for (const Part& part : parts_of(folder)) {
            if (part.labels.empty()) continue;
            return fmt::format("it has {}/ and {}/", part.images.lexically_relative(folder).string(),
                               part.labels.lexically_relative(folder).string());
        }
        return {};
    }

    bool undivided(const fs::path& folder) const override {
        const std::vector<Part> parts = parts_of(folder);
        return parts.size() == 1 && parts[0].split.empty() && lists(folder).empty();
    }

    std::vector<std::string> splits(const fs::path& folder) const override {
        const std::vector<Part> parts = parts_of(folder);
        if (parts.size() == 1 && parts[0].split.empty()) {
            const std::vector<std::string> listed = lists(folder);
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

    FolderClasses classes(const fs::path& folder) const override { return folder_classes(folder); }

    std::vector<fs::path> label_folders(const fs::path& folder) const override {
        std::vector<fs::path> folders;
        for (const Part& part : parts_of(folder))
            if (!part.labels.empty()) folders.push_back(part.labels);
        return folders;
    }

  private:
    static void refuse_same(const std::vector<Part>& parts) {
        std::vector<std::pair<std::string, fs::path>> places;
        for (const Part& part : parts) places.emplace_back(part.split, part.images);
        refuse_same_split(places);
    }
    static std::vector<std::string> lists(const fs::path& folder) {
        std::vector<std::string> found;
        for (const char* split : {"train", "val", "test", "trainval"})
            if (!list_of(folder, split).empty()) found.emplace_back(split);
        return found;
    }
};

}  // namespace

const Layout& own_layout() {
    static const Own layout;
    return layout;
}

}  // namespace camber
