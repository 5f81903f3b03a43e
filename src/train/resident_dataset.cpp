#include "train/resident_dataset.h"

#include "data/sampling.h"

namespace camber {
namespace {

/// Calls f(item, picture, label map, original label map, null where it is the same or was not kept).
template <class F>
void for_items(const Dataset& dataset, F&& f) {
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const Image* original = dataset.has_original_labels() ? &dataset.original_label(i) : nullptr;
        f(dataset.image(i), dataset.label(i), original == &dataset.label(i) ? nullptr : original);
    }
}

std::int64_t bytes_of(const Dataset& dataset) {
    std::size_t bytes = 0;
    for_items(dataset, [&](const Image& image, const Image& label, const Image* original) {
        bytes += image.data.size() + label.data.size() + (original ? original->data.size() : 0);
    });
    return static_cast<std::int64_t>(bytes);
}

}  // namespace

std::unique_ptr<ResidentDataset> ResidentDataset::make(const Dataset& dataset, Device device, std::int64_t& room) {
    const std::int64_t bytes = bytes_of(dataset);
    if (is_host(device) || bytes > room) return nullptr;
    std::unique_ptr<ResidentDataset> resident(new ResidentDataset(dataset));
    try {
        resident->pictures_ = Tensor::empty({bytes}, Dtype::u8, device);
    } catch (const Error&) {
        return nullptr;
    }
    std::int64_t at = 0;
    const auto put = [&](const Image& picture) {
        const auto size = static_cast<std::int64_t>(picture.data.size());
        device_memory(device).copy_from_host(resident->pictures_.slice(at, {size}).raw(), picture.data.data(),
                                             picture.data.size());
        at += size;
        return at - size;
    };
    for_items(dataset, [&](const Image& image, const Image& label, const Image* original) {
        Item item{put(image), put(label), {label.height, label.width, 0}};
        item.original.offset = item.label;
        if (original) item.original = {original->height, original->width, put(*original)};
        resident->items_.push_back(item);
    });
    room -= bytes;
    return resident;
}

AugmentSample ResidentDataset::sample(std::size_t item, const AugmentParams& params, const Normalisation& normalisation,
                                      int height, int width) const {
    const Image& image = dataset_.image(item);
    return {sampling_of(params, image.height, image.width, normalisation, height, width), items_[item].image,
            items_[item].label};
}

}  // namespace camber
