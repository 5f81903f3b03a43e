#include "data/layouts/pairing.h"

#include <algorithm>
#include <cctype>
#include <optional>
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

/// Of two names that people take for one: in small letters, without what it is of before it (image_1, mask_1).
std::string folded(const std::string& stem) {
    const std::size_t slash = stem.rfind('/') + 1;
    std::string name = stem;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const std::string_view word : {"image", "img", "mask", "label", "gt"}) {
        const std::string_view rest = std::string_view(name).substr(slash);
        if (rest.size() > word.size() + 1 && rest.starts_with(word) &&
            (rest[word.size()] == '_' || rest[word.size()] == '-'))
            return name.erase(slash, word.size() + 1);
    }
    return name;
}

std::string stem_in(const fs::path& file, const fs::path& folder) {
    return file.lexically_relative(folder).replace_extension().generic_string();
}

/// Where the columns of a list stand, as its first line says.
struct ListHeader {
    std::size_t columns = 0, image = 0;
    std::optional<std::size_t> label;

    /// The fields of a line that is of as many columns.
    std::vector<std::string> of(std::vector<std::string> fields) const {
        if (fields.size() != columns) return fields;
        std::vector<std::string> chosen = {fields[image]};
        if (label) chosen.push_back(fields[*label]);
        return chosen;
    }
};

/// "image,mask", "Image Path", ",img,label" with pandas' column of numbers; none of another line.
std::optional<ListHeader> header_of(const std::vector<ListReading>& readings) {
    static const std::set<std::string> images = {"image",     "images",    "img",      "imgs",     "file",
                                                 "files",     "filename",  "filepath", "frame",    "picture",
                                                 "name",      "path",      "photo",    "imageid",  "imagename",
                                                 "imagepath", "imagefile", "imgname",  "imgpath",  "input",
                                                 "imgid",     "rgb",       "x",        "imageurl", "id"},
                                       labels = {"mask",         "masks",     "label",     "labels",
                                                 "annotation",   "annot",     "target",    "gt",
                                                 "maskid",       "maskname",  "maskpath",  "maskfile",
                                                 "labelname",    "labelpath", "labelfile", "seg",
                                                 "segmentation", "segpath",   "y",         "annotationpath",
                                                 "groundtruth",  "output",    "labelmap"},
                                       numbers = {"", "index", "idx", "unnamed:0"};
    for (const auto& [fields, joined] : readings) {
        if (joined) continue;
        ListHeader header{fields.size(), fields.size(), {}};
        bool known = true, is_id = false;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            std::string word;
            for (const char c : fields[i])
                if (c != '_' && c != '-' && c != ' ')
                    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            if (images.contains(word) && (header.image == fields.size() || is_id)) {
                header.image = i;
                is_id = word == "id";
            } else if (labels.contains(word) && !header.label) {
                header.label = i;
            } else {
                known = known && (numbers.contains(word) || word == "id");
            }
        }
        if (known && header.image < fields.size()) return header;
    }
    return {};
}

/// Whether a name that was found leaves nothing of it open: one of several words is whole, or of another machine.
bool is_certain(const std::string& name, const PictureIndex::Found& found, bool joined) {
    if (found.left_out.empty()) return true;
    const bool elsewhere = name[0] == '/' || (name.size() > 2 && name[1] == ':');
    return !holds_two_names(name) && (!joined || elsewhere);
}

}  // namespace

Pairing::Pairing(const fs::path& images, const fs::path& labels) : images_(images), labels_(labels) {
    if (labels.empty()) return;
    for (const fs::path& file : label_maps()) {
        const auto [place, added] = by_stem_.try_emplace(stem_in(file, labels), file);
        if (!added && file.extension() == ".png") place->second = file;
    }
    for (const auto& [stem, file] : by_stem_) {
        const auto [place, added] = by_folded_.try_emplace(folded(stem), file);
        if (!added) place->second.clear();
    }
}

fs::path Pairing::label_of(const fs::path& image) const {
    const std::string stem = stem_in(image, images_);
    std::vector<std::string> bases = {stem};
    for (const std::string_view suffix : image_suffixes)
        if (stem.ends_with(suffix)) bases.push_back(stem.substr(0, stem.size() - suffix.size()));
    for (const bool exact : {true, false})
        for (const std::string& base : bases)
            for (const char* suffix : label_suffixes) {
                const Files& files = exact ? by_stem_ : by_folded_;
                const auto found = files.find(exact ? base + suffix : folded(base + suffix));
                if (found != files.end() && !found->second.empty()) return found->second;
            }
    return {};
}

std::vector<fs::path> Pairing::label_maps() const {
    return labels_ == images_ ? masks_beside(images_) : pictures_below(labels_);
}

std::vector<fs::path> Pairing::pictures() const {
    std::vector<fs::path> files = pictures_below(images_);
    if (labels_ != images_) return files;
    const std::vector<fs::path> masks = label_maps();
    std::erase_if(files, [&](const fs::path& file) { return std::binary_search(masks.begin(), masks.end(), file); });
    return files;
}

std::vector<SamplePaths> Pairing::samples() const {
    std::vector<SamplePaths> samples;
    for (const fs::path& image : pictures()) samples.push_back({image, label_of(image), images_.string()});
    if (samples.empty()) {
        const std::string others = not_read(other_pictures_in(images_));
        fail("{}: holds no PNG or JPEG images{}{}", images_.string(), others.empty() ? "" : "; ", others);
    }
    return samples;
}

std::vector<fs::path> masks_beside(const fs::path& folder) {
    constexpr std::string_view suffix = "_mask";
    const std::vector<fs::path> files = pictures_below(folder);
    std::set<std::string> stems;
    for (const fs::path& file : files) stems.insert(stem_in(file, folder));
    std::vector<fs::path> masks;
    for (const fs::path& file : files) {
        const std::string stem = stem_in(file, folder);
        if (stem.ends_with(suffix) && stems.contains(stem.substr(0, stem.size() - suffix.size())))
            masks.push_back(file);
    }
    return masks;
}

std::vector<SamplePaths> listed_samples(const fs::path& list, const ListedFolders& folders) {
    PictureIndex index;
    const Pairing pairing(folders.images, folders.labels);
    std::vector<SamplePaths> samples;
    std::optional<ListHeader> header;
    for (const ListLine& line : read_list(list)) {
        const std::string origin = fmt::format("{} line {}", list.string(), line.number);
        bool found = false;
        std::string wrong;
        for (const auto& [written, joined] : line.readings) {
            const std::vector<std::string> fields = header && !joined ? header->of(written) : written;
            if (found || fields.size() > 2 || fields[0].empty()) continue;
            const PictureIndex::Found image = index.locate(folders.folder, fields[0], folders.images);
            SamplePaths sample{image.file, {}, origin};
            if (sample.image.empty() || !is_certain(fields[0], image, joined)) {
                if (wrong.empty()) wrong = fmt::format("image {} is not there; copy it or remove the line", fields[0]);
                continue;
            }
            if (fields.size() == 1) {
                sample.label = pairing.label_of(sample.image);
            } else {
                const PictureIndex::Found label = index.locate(folders.folder, fields[1], folders.labels);
                sample.label = label.file;
                // Lists of another release of the same frames name labels without this one's suffix.
                if (sample.label.empty() && fs::path(fields[1]).stem() == fs::path(fields[0]).stem())
                    sample.label = pairing.label_of(sample.image);
                // Found by its end alone, it is the picture's where both lay in one folder, or by its name.
                const bool by_name =
                    label.file.stem() == image.file.stem() || pairing.label_of(image.file) == label.file;
                if (!label.file.empty() && label.left_out != image.left_out && (joined || !by_name))
                    sample.label.clear();
                if (sample.label.empty() || !is_certain(fields[1], label, joined)) {
                    wrong = fmt::format("label map {} is not there; copy it or remove the line", fields[1]);
                    continue;
                }
            }
            samples.push_back(std::move(sample));
            found = true;
        }
        if (found) continue;
        if (samples.empty() && !header && (header = header_of(line.readings))) continue;
        const std::size_t count = line.readings[0].fields.size();
        if (count > 2 || wrong.empty())
            wrong = fmt::format("expected 'image label', found {} fields; quote names that have spaces", count);
        if (line.has_comment) wrong += " (a comment, #, needs a line of its own)";
        fail("{}: {}", origin, wrong);
    }
    if (samples.empty()) fail("{}: lists no images; add 'image label' lines or choose another split", list.string());
    return samples;
}

}  // namespace camber
