#include <camber/dataset.h>
#include <camber/error.h>

#include "core/parallel_for.h"
#include "data/sample_list.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

/// `where` is the label's file, or its position for pictures in memory.
void check_label(const std::string& where, const Image& image, const Image& label, const ClassTable& classes) {
    if (label.height != image.height || label.width != image.width) {
        fail("{}: the label map is {}x{} but its image is {}x{} (width x height)", where, label.width, label.height,
             image.width, image.height);
    }
    std::array<bool, 256> valid{};
    for (int id = 0; id < 256; ++id) valid[static_cast<std::size_t>(id)] = classes.valid(id);
    for (std::size_t i = 0; i < label.data.size(); ++i) {
        if (valid[label.data[i]]) continue;
        const auto width = static_cast<std::size_t>(label.width);
        fail(
            "{}: id {} at row {}, column {} is neither a class (0..{}) nor void ({}) of {}; remap the labels or give "
            "the "
            "folder a classes.json",
            where, label.data[i], i / width, i % width, classes.count() - 1, classes.void_id, classes.name);
    }
}

}  // namespace

Dataset Dataset::open(const fs::path& folder, const std::string& split, const DatasetOptions& options) {
    if ((options.load_height == 0) != (options.load_width == 0) || options.load_height < 0 || options.load_width < 0) {
        fail_usage("load size {}x{}: give both height and width, or 0 for the original", options.load_height,
                   options.load_width);
    }
    const std::vector<SamplePaths> paths = list_samples(folder, split);
    Dataset dataset;
    dataset.folder_ = folder;
    dataset.split_ = split;
    const fs::path table = folder / "classes.json";
    dataset.classes_ = fs::exists(table) ? read_class_table(table) : camvid11();
    dataset.originals_kept_ = options.keep_original_labels || options.load_height == 0;
    dataset.samples_.resize(paths.size());
    const auto load = [&](std::size_t index) {
        Sample& sample = dataset.samples_[index];
        sample.name = paths[index].image.stem().string();
        sample.image = read_image(paths[index].image);
        sample.label = read_label(paths[index].label);
        check_label(paths[index].label.string(), sample.image, sample.label, dataset.classes_);
        const int height = options.load_height, width = options.load_width;
        if (height == 0 || (height == sample.image.height && width == sample.image.width)) return;
        sample.image = resize_area(sample.image, height, width);
        sample.original_label = std::move(sample.label);
        sample.label = resize_nearest(sample.original_label, height, width);
        // An emptied map with its size kept tells original_label() that there was another one.
        if (!options.keep_original_labels) sample.original_label.data = {};
    };
    parallel_for(paths.size(), options.threads, load, options.progress);
    return dataset;
}

Dataset Dataset::from_samples(std::vector<Image> images, std::vector<Image> labels, ClassTable classes,
                              std::string split) {
    if (images.empty() || images.size() != labels.size()) {
        fail("{} images and {} label maps do not make a dataset", images.size(), labels.size());
    }
    Dataset dataset;
    dataset.split_ = std::move(split);
    dataset.classes_ = std::move(classes);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const std::string name = fmt::format("{:05}", i);
        if (images[i].empty() || images[i].channels != 3 || labels[i].channels != 1) {
            fail("sample {}: expected an RGB image and a one-channel label map", name);
        }
        check_label("sample " + name, images[i], labels[i], dataset.classes_);
        dataset.samples_.push_back({name, std::move(images[i]), std::move(labels[i]), {}});
    }
    return dataset;
}

const Image& Dataset::original_label(std::size_t index) const {
    const Sample& sample = samples_[index];
    if (sample.original_label.height == 0) return sample.label;
    if (!originals_kept_) fail("{}: original label maps were not kept; open it with keep_original_labels", split_);
    return sample.original_label;
}

}  // namespace camber
