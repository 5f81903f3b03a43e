#include "data/layouts/pairing.h"

#include <algorithm>
#include <set>

#include "data/list_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

// Cityscapes' image suffix and what people's tools write.
constexpr const char* image_suffixes[] = {"_leftImg8bit", "_image", "_img", "_rgb", "_sat"};
constexpr const char* label_suffixes[] = {"",
                                          "_mask",
                                          "_masks",
                                          "_L",
                                          "_P",
                                          "_gt",
                                          "_label",
                                          "_labels",
                                          "_labelIds",
                                          "_labelTrainIds",
                                          "_seg",
                                          "_annotation",
                                          "_segmentation",
                                          "-mask",
                                          "-label",
                                          "_gtFine_labelIds",
                                          "_gtFine_labelTrainIds"};

std::string stem_in(const fs::path& file, const fs::path& folder) {
    return file.lexically_relative(folder).replace_extension().generic_string();
}

bool is_header(const std::vector<std::string>& fields) {
    static const std::set<std::string> words = {"image",    "images", "img",     "file",
                                                "filename", "frame",  "picture", "name"};
    return fields.size() <= 2 && words.contains(fields[0]);
}

}  // namespace

Pairing::Pairing(const fs::path& images, const fs::path& labels) : images_(images), labels_(labels) {
    if (labels.empty()) return;
    for (const fs::path& file : pictures_below(labels)) {
        const auto [place, added] = by_stem_.try_emplace(stem_in(file, labels), file);
        if (!added && file.extension() == ".png") place->second = file;
    }
}

fs::path Pairing::label_of(const fs::path& image) const {
    const std::string stem = stem_in(image, images_);
    const auto with_suffix = [&](const std::string& base) {
        for (const char* suffix : label_suffixes)
            if (const auto found = by_stem_.find(base + suffix); found != by_stem_.end()) return found->second;
        return fs::path();
    };
    if (fs::path found = with_suffix(stem); !found.empty()) return found;
    for (const char* suffix : image_suffixes) {
        if (!stem.ends_with(suffix)) continue;
        if (fs::path found = with_suffix(stem.substr(0, stem.size() - std::string_view(suffix).size())); !found.empty())
            return found;
    }
    return {};
}

std::vector<SamplePaths> Pairing::samples() const {
    std::vector<SamplePaths> samples;
    for (const fs::path& image : pictures_below(images_)) samples.push_back({image, label_of(image), images_.string()});
    if (samples.empty()) fail("{}: holds no PNG or JPEG images", images_.string());
    return samples;
}

std::vector<SamplePaths> listed_samples(const fs::path& list, const ListedFolders& folders) {
    PictureIndex index;
    const Pairing pairing(folders.images, folders.labels);
    std::vector<SamplePaths> samples;
    for (const ListLine& line : read_list(list)) {
        const std::string origin = fmt::format("{} line {}", list.string(), line.number);
        bool found = false;
        std::string wrong;
        for (const std::vector<std::string>& fields : line.readings) {
            if (found || fields.size() > 2 || fields[0].empty()) continue;
            SamplePaths sample{index.resolve(folders.folder, fields[0], folders.images), {}, origin};
            if (sample.image.empty()) {
                if (wrong.empty()) wrong = fmt::format("image {} is not there; copy it or remove the line", fields[0]);
                continue;
            }
            if (fields.size() == 1) {
                sample.label = pairing.label_of(sample.image);
            } else {
                sample.label = index.resolve(folders.folder, fields[1], folders.labels);
                // Lists of another release of the same frames name labels without this one's suffix.
                if (sample.label.empty() && fs::path(fields[1]).stem() == fs::path(fields[0]).stem())
                    sample.label = pairing.label_of(sample.image);
                if (sample.label.empty()) {
                    wrong = fmt::format("label map {} is not there; copy it or remove the line", fields[1]);
                    continue;
                }
            }
            samples.push_back(std::move(sample));
            found = true;
        }
        if (found || (samples.empty() && std::any_of(line.readings.begin(), line.readings.end(), is_header))) continue;
        const std::size_t count = line.readings[0].size();
        if (count > 2 || wrong.empty())
            wrong = fmt::format("expected 'image label', found {} fields; quote names that have spaces", count);
        fail("{}: {}", origin, wrong);
    }
    if (samples.empty()) fail("{}: lists no images; add 'image label' lines or choose another split", list.string());
    return samples;
}

}  // namespace camber
