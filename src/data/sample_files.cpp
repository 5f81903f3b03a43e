#include "data/sample_files.h"

#include <camber/error.h>

#include "core/parallel_for.h"
#include "data/label_coding.h"
#include "io/image.h"

namespace camber {
namespace {

Extent shrunk(const Extent& size, int shrink) {
    return {(size.height + shrink - 1) / shrink, (size.width + shrink - 1) / shrink};
}

Extent extent_of(const Image& image) { return {image.height, image.width}; }

void check_unchanged(const std::string& file, const Image& read, const Extent& expected) {
    if (extent_of(read) == expected) return;
    fail("{}: is {}x{}, but was {}x{} (width x height) when the dataset was opened", file, read.width, read.height,
         expected.width, expected.height);
}

/// The largest step down that leaves what `options` ask for.
int shrink_of(const Extent& size, const DatasetOptions& options) {
    if (options.least_height < 1 || options.least_width < 1) return 1;
    for (const int shrink : {8, 4, 2})
        if (size.height / shrink >= options.least_height && size.width / shrink >= options.least_width) return shrink;
    return 1;
}

}  // namespace

void check_same_size(const std::string& where, const Extent& image, const Extent& label, int orientation) {
    if (const std::string wrong = size_difference(where, image, label, orientation); !wrong.empty()) fail("{}", wrong);
}

std::string size_difference(const std::string& where, const Extent& image, const Extent& label, int orientation) {
    if (label == image) return {};
    return fmt::format("{}: the label map is {}x{} but its image is {}x{} (width x height){}", where, label.width,
                       label.height, image.width, image.height,
                       orientation > 1 ? fmt::format(", turned as its Exif says (orientation {})", orientation) : "");
}

FrameSize frame_size(const std::filesystem::path& image, const std::filesystem::path& label) {
    const PictureSize seen = read_picture_size(image);
    FrameSize size{{seen.height, seen.width}, seen.orientation, seen.shrinks, false};
    if (seen.orientation < 5 || seen.height == seen.width || label.empty()) return size;
    const Extent stored{seen.width, seen.height};
    try {
        const PictureSize of_label = read_picture_size(label);
        size.as_stored = Extent{of_label.height, of_label.width} == stored;
    } catch (const Error&) {
        return size;  // what reads it says so
    }
    if (size.as_stored) size.extent = stored;
    return size;
}

std::string FrameSize::turning(const std::string& image) const {
    if (orientation <= 1) return {};
    return fmt::format(
        "{}: its Exif turns it (orientation {}): {}", image, orientation,
        as_stored   ? "taken as it is stored, since its label map has that size"
        : is_told() ? "taken as turned, since its label map has that size"
                    : "taken as turned, though its label map has the size of either: save the picture upright, without "
                      "Exif, where data preview shows that they differ");
}

Image read_frame(const std::filesystem::path& image, const std::filesystem::path& label, int channels) {
    return read_image(image, channels, 1, frame_size(image, label).as_stored);
}

void check_ids(const std::string& where, const Image& label, const ClassTable& classes) {
    std::array<bool, 256> valid{};
    for (int id = 0; id < 256; ++id) valid[static_cast<std::size_t>(id)] = classes.valid(id);
    for (std::size_t i = 0; i < label.data.size(); ++i) {
        if (valid[label.data[i]]) continue;
        const auto width = static_cast<std::size_t>(label.width);
        fail("{}: id {} at row {}, column {} is neither a class (0..{}) nor void ({}) of {}", where, label.data[i],
             i / width, i % width, classes.count() - 1, classes.void_id, classes.name);
    }
}

std::string SharedLabels::add(const SamplePaths& frame) {
    const auto [place, added] = images_.emplace(frame.label.string(), frame.image);
    std::error_code error;
    if (added || place->second == frame.image || std::filesystem::equivalent(place->second, frame.image, error))
        return {};
    return fmt::format("{}: is the label map of two pictures, {} and {}; take away or rename the one it is not of",
                       frame.label.string(), place->second.string(), frame.image.string());
}

SampleFiles::SampleFiles(std::vector<SamplePaths> paths, std::shared_ptr<const LabelCoding> coding,
                         const DatasetOptions& options)
    : paths_(std::move(paths)), coding_(std::move(coding)), channels_(options.channels), sizes_(paths_.size()) {
    parallel_for(size(), options.threads, [&](std::size_t i) {
        const FrameSize image = frame_size(paths_[i].image, paths_[i].label);
        const PictureSize label = read_picture_size(paths_[i].label);
        const Extent original = image.extent;
        check_same_size(paths_[i].label.string(), original, {label.height, label.width}, image.orientation);
        const int shrink = image.shrinks ? shrink_of(original, options) : 1;
        const Extent wanted{options.load_height, options.load_width};
        sizes_[i] = {options.load_height > 0 ? wanted : shrunk(original, shrink), original, shrink, image.as_stored};
    });
}

void SampleFiles::keep_labels(std::shared_ptr<CacheRoom> room) {
    room_ = std::move(room);
    labels_ = std::make_unique<Kept<LabelRuns>>(size(), room_, true);
}

Image SampleFiles::original_label(std::size_t index) const {
    if (const auto kept = labels_ ? labels_->find(index) : nullptr) return kept->image();
    const std::string file = paths_[index].label.string();
    Image label = coding_->decode(file, read_label_file(file));
    check_unchanged(file, label, sizes_[index].original);
    if (labels_ && !room_->none_left()) {
        labels_->keep(index, std::make_shared<const LabelRuns>(label));
        if (labels_->all()) room_->reserve(0);
    }
    return label;
}

Image SampleFiles::label(std::size_t index) const {
    const auto& [height, width] = sizes_[index].loaded;
    return resize_nearest(original_label(index), height, width);
}

Sample SampleFiles::sample(std::size_t index) const {
    const Sizes& sizes = sizes_[index];
    const std::string file = paths_[index].image.string();
    Sample sample{read_image(file, channels_, sizes.shrink, sizes.as_stored), original_label(index), {}};
    check_unchanged(file, sample.image, shrunk(sizes.original, sizes.shrink));
    if (sizes.loaded == sizes.original) return sample;
    const auto& [height, width] = sizes.loaded;
    sample.image = resize_area(sample.image, height, width);
    sample.full = std::move(sample.label);
    sample.label = resize_nearest(sample.full, height, width);
    return sample;
}

}  // namespace camber
