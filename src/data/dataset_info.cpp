#include <camber/dataset.h>
#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "core/parallel_for.h"
#include "data/fnv1a.h"

namespace camber {
namespace {

struct ClassCounts {
    std::array<std::uint64_t, 256> pixels{}, images{};
    std::array<std::uint64_t, 256> pixels_with{};  ///< all pixels of the images in which the class occurs
};

ClassCounts count_classes(const Dataset& dataset) {
    ClassCounts counts;
    std::mutex mutex;
    parallel_for(dataset.size(), 0, [&](std::size_t i) {
        const Image label = dataset.label(i);
        std::array<std::uint64_t, 256> here{};
        for (const std::uint8_t id : label.data) ++here[id];
        const std::lock_guard lock(mutex);
        for (std::size_t id = 0; id < 256; ++id) {
            if (here[id] == 0) continue;
            counts.pixels[id] += here[id];
            ++counts.images[id];
            counts.pixels_with[id] += label.data.size();
        }
    });
    return counts;
}

std::vector<double> weights_of(const ClassCounts& counts, const ClassTable& classes) {
    std::vector<double> frequency(static_cast<std::size_t>(classes.count()));
    std::vector<double> present;
    for (std::size_t id = 0; id < frequency.size(); ++id) {
        if (counts.pixels[id] == 0 || static_cast<int>(id) == classes.void_id) continue;
        frequency[id] = static_cast<double>(counts.pixels[id]) / static_cast<double>(counts.pixels_with[id]);
        present.push_back(frequency[id]);
    }
    std::sort(present.begin(), present.end());
    const std::size_t half = present.size() / 2;
    const double median = present.empty()           ? 0
                          : present.size() % 2 == 1 ? present[half]
                                                    : (present[half - 1] + present[half]) / 2;
    for (double& f : frequency) f = f > 0 ? median / f : 0;
    return frequency;
}

}  // namespace

std::vector<float> median_frequency_weights(const Dataset& dataset) {
    const auto weights = weights_of(count_classes(dataset), dataset.classes());
    return {weights.begin(), weights.end()};
}

void refuse_unlabelled(const Dataset& dataset) {
    const int void_id = dataset.classes().void_id;
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const std::vector<std::uint8_t> ids = dataset.label(i).data;
        if (std::any_of(ids.begin(), ids.end(), [void_id](std::uint8_t id) { return id != void_id; })) return;
    }
    fail(
        "{}: every pixel of the split '{}' is void ({}), so there is nothing to learn or judge; the void id is in the "
        "folder's class table",
        dataset.folder().string(), dataset.split(), void_id);
}

std::vector<std::string> absent_classes(const Dataset& dataset) {
    const ClassCounts counts = count_classes(dataset);
    std::vector<std::string> absent;
    for (int id = 0; id < dataset.classes().count(); ++id) {
        if (id != dataset.classes().void_id && counts.pixels[static_cast<std::size_t>(id)] == 0)
            absent.push_back(dataset.classes().name_of(id));
    }
    return absent;
}

DatasetInfo describe(const Dataset& dataset) {
    DatasetInfo info;
    info.images = dataset.size();
    Fnv1a hash;
    std::array<std::array<std::uint64_t, 256>, 3> histogram{};
    std::uint64_t pixels = 0;
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const auto sample = dataset.sample(i);
        const Image &image = sample->image, &label = sample->label;
        auto size = std::find_if(info.sizes.begin(), info.sizes.end(),
                                 [&](const auto& s) { return s.height == image.height && s.width == image.width; });
        if (size == info.sizes.end()) size = info.sizes.insert(size, {image.height, image.width, 0});
        ++size->count;
        pixels += image.pixels();
        const auto step = static_cast<std::size_t>(image.channels);
        for (std::size_t p = 0; p < image.data.size(); p += step) {
            for (std::size_t c = 0; c < 3; ++c) ++histogram[c][image.data[p + (step == 1 ? 0 : c)]];
        }
        hash.add(dataset.name(i).data(), dataset.name(i).size() + 1);
        hash.add(&image.height, sizeof image.height);
        hash.add(&image.width, sizeof image.width);
        hash.add(image.data.data(), image.data.size());
        hash.add(label.data.data(), label.data.size());
    }
    info.fingerprint = hash.value();
    std::stable_sort(info.sizes.begin(), info.sizes.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
    for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0, squares = 0;
        for (std::size_t v = 0; v < 256; ++v) {
            const double x = static_cast<double>(v) / 255, n = static_cast<double>(histogram[c][v]);
            sum += n * x;
            squares += n * x * x;
        }
        info.mean[c] = sum / static_cast<double>(pixels);
        info.deviation[c] =
            std::sqrt(std::max(0.0, squares / static_cast<double>(pixels) - info.mean[c] * info.mean[c]));
    }

    const ClassCounts counts = count_classes(dataset);
    const auto weights = weights_of(counts, dataset.classes());
    const auto entry = [&](std::size_t id, double weight) {
        return DatasetInfo::Class{counts.pixels[id], counts.images[id],
                                  static_cast<double>(counts.pixels[id]) / static_cast<double>(pixels), weight};
    };
    for (std::size_t id = 0; id < weights.size(); ++id) info.classes.push_back(entry(id, weights[id]));
    info.unlabelled = entry(static_cast<std::size_t>(dataset.classes().void_id), 0);
    return info;
}

}  // namespace camber
