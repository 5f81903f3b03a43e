#include "train/resident_dataset.h"

#include "data/sampling.h"

namespace camber {

std::unique_ptr<ResidentDataset> ResidentDataset::make(const Dataset& dataset, Device device, std::int64_t& room) {
    const std::int64_t bytes = dataset.bytes();
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
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const auto sample = dataset.sample(i);
        const Image& original = sample->original_label();
        Item item{put(sample->image), put(sample->label), {original.height, original.width, 0}};
        item.original.offset = sample->full.empty() ? item.label : put(original);
        resident->items_.push_back(item);
    }
    room -= bytes;
    return resident;
}

AugmentSample ResidentDataset::sample(std::size_t item, const AugmentParams& params, const Normalisation& normalisation,
                                      int height, int width) const {
    const Extent extent = dataset_.extent(item);
    return {sampling_of(params, extent.height, extent.width, normalisation, dataset_.channels(), height, width),
            items_[item].image, items_[item].label};
}

}  // namespace camber
