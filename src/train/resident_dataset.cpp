#include "train/resident_dataset.h"

#include "data/sampling.h"

namespace camber {

std::unique_ptr<ResidentDataset> ResidentDataset::make(const Dataset& dataset, Device device, std::int64_t& room,
                                                       bool equalised) {
    const std::int64_t tables = equalised ? static_cast<std::int64_t>(pixel::equalisation_bytes * dataset.size()) : 0,
                       bytes = dataset.bytes() + tables;
    if (is_host(device) || bytes > room) return nullptr;
    std::unique_ptr<ResidentDataset> resident(new ResidentDataset(dataset));
    try {
        resident->pictures_ = Tensor::empty({bytes}, Dtype::u8, device);
    } catch (const Error&) {
        return nullptr;
    }
    std::int64_t at = 0;
    const auto put = [&](const std::vector<std::uint8_t>& data) {
        const auto size = static_cast<std::int64_t>(data.size());
        device_memory(device).copy_from_host(resident->pictures_.slice(at, {size}).raw(), data.data(), data.size());
        at += size;
        return at - size;
    };
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const auto sample = dataset.sample(i);
        const Image& original = sample->original_label();
        Item item{put(sample->image.data), put(sample->label.data), {original.height, original.width, 0}};
        item.original.offset = sample->full.empty() ? item.label : put(original.data);
        if (equalised) item.tables = put(equalisation_tables(sample->image));
        resident->items_.push_back(item);
    }
    room -= bytes;
    return resident;
}

AugmentSample ResidentDataset::sample(std::size_t item, const AugmentParams& params, const Normalisation& normalisation,
                                      int height, int width) const {
    const Extent extent = dataset_.extent(item);
    const Item& found = items_[item];
    return {sampling_of(params, extent.height, extent.width, normalisation, dataset_.channels(), height, width),
            found.image, found.label, params.equalised ? found.tables : -1};
}

}  // namespace camber
