#include <camber/data_folder.h>
#include <camber/error.h>

#include "core/available_memory.h"
#include "data/sample_cache.h"
#include "data/sample_files.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

Extent extent_of(const Image& image) { return {image.height, image.width}; }

}  // namespace

std::int64_t DatasetOptions::default_cache_bytes() { return available_memory() / 2; }

Dataset Dataset::open(const fs::path& folder, const std::string& split, const DatasetOptions& options) {
    return DataFolder::open(folder).dataset(split, options);
}

Dataset Dataset::from_samples(std::vector<Image> images, std::vector<Image> labels, ClassTable classes,
                              std::string split) {
    if (images.empty() || images.size() != labels.size()) {
        fail("{} images and {} label maps do not make a dataset", images.size(), labels.size());
    }
    Dataset dataset;
    dataset.split_ = std::move(split);
    dataset.classes_ = std::move(classes);
    std::vector<Sample> samples;
    dataset.channels_ = images[0].channels;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const std::string name = fmt::format("{:05}", i);
        const int channels = images[i].channels;
        if (images[i].empty() || !is_picture_channels(channels) || labels[i].channels != 1)
            fail("sample {}: expected a grey, RGB or RGBA image and a one-channel label map", name);
        if (channels != dataset.channels_)
            fail("sample {}: has {} channels, others have {}", name, channels, dataset.channels_);
        const Extent extent = extent_of(images[i]);
        check_same_size("sample " + name, extent, extent_of(labels[i]));
        check_ids("sample " + name, labels[i], dataset.classes_);
        dataset.entries_.push_back({name, extent, extent});
        samples.push_back({std::move(images[i]), std::move(labels[i]), {}});
    }
    dataset.samples_ = std::make_shared<SampleCache>(std::move(samples));
    return dataset;
}

std::int64_t Dataset::bytes() const {
    const auto pixels = [](const Extent& extent) { return std::int64_t{extent.height} * extent.width; };
    std::int64_t bytes = 0;
    for (const Entry& entry : entries_)
        bytes += (channels_ + 1) * pixels(entry.loaded) + (entry.loaded == entry.original ? 0 : pixels(entry.original));
    return bytes;
}

void Dataset::limit_cache(std::int64_t bytes) {
    if (!room_) return;
    room_->limit(bytes);
    room_->reserve(bytes / labels_share);
}

std::shared_ptr<const Sample> Dataset::sample(std::size_t index) const { return samples_->get(index); }

Image Dataset::label(std::size_t index) const {
    const auto kept = samples_->find(index);
    return kept ? kept->label : files_->label(index);
}

}  // namespace camber
