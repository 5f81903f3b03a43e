#include "train/batch_source.h"

#include <cstring>

#include "backend/augment_pixel.h"
#include "backend/backend.h"
#include "data/sampling.h"

namespace camber {
namespace {

/// As much of a GPU's memory as pictures may take: a network wants the rest.
constexpr std::int64_t most_resident_bytes = std::int64_t{4} << 30;

std::int64_t bytes_of(const Dataset& dataset) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < dataset.size(); ++i)
        bytes += dataset.image(i).data.size() + dataset.label(i).data.size();
    return static_cast<std::int64_t>(bytes);
}

}  // namespace

BatchSource::BatchSource(const Dataset& dataset, const LoaderConfig& config, Device device, Dtype dtype,
                         std::int64_t epoch, std::int64_t batch)
    : dataset_(dataset), config_(config), order_(dataset.size(), config), epoch_(epoch), index_(batch) {
    if (is_host(device) || bytes_of(dataset) > most_resident_bytes) {
        loader_.emplace(dataset, config, epoch, batch);
    } else {
        check_loader_config(dataset, config);
        upload(device, dtype);
    }
}

void BatchSource::upload(Device device, Dtype dtype) {
    pictures_ = Tensor::empty({bytes_of(dataset_)}, Dtype::u8, device);
    std::int64_t at = 0;
    const auto put = [&](const Image& picture, std::vector<std::int64_t>& offsets) {
        const auto bytes = static_cast<std::int64_t>(picture.data.size());
        device_memory(device).copy_from_host(pictures_.slice(at, {bytes}).raw(), picture.data.data(),
                                             picture.data.size());
        offsets.push_back(at);
        at += bytes;
    };
    for (std::size_t i = 0; i < dataset_.size(); ++i) {
        put(dataset_.image(i), image_offsets_);
        put(dataset_.label(i), label_offsets_);
    }
    const std::int64_t n = config_.batch_size;
    host_samples_.resize(static_cast<std::size_t>(n) * sizeof(AugmentSample));
    samples_ = Tensor::empty({static_cast<std::int64_t>(host_samples_.size())}, Dtype::u8, device);
    images_ = Tensor::empty({n, config_.height, config_.width, 3}, dtype, device);
    labels_ = Tensor::empty({n, config_.height, config_.width}, Dtype::u8, device);
}

const Batch& BatchSource::next() { return loader_ ? loader_->next() : next_on_device(); }

const Batch& BatchSource::next_on_device() {
    batch_.indices = order_.batch(epoch_, index_);
    batch_.epoch = epoch_;
    batch_.index = index_;
    const auto n = static_cast<std::int64_t>(batch_.indices.size());
    for (std::size_t i = 0; i < batch_.indices.size(); ++i) {
        const std::size_t item = batch_.indices[i];
        const Image& image = dataset_.image(item);
        const AugmentParams params =
            sample_augmentation(config_.augment, config_.normalisation, config_.seed, epoch_, item, image.height,
                                image.width, config_.height, config_.width);
        const AugmentSample sample = {
            sampling_of(params, image.height, image.width, config_.normalisation, config_.height, config_.width),
            image_offsets_[item], label_offsets_[item]};
        std::memcpy(host_samples_.data() + i * sizeof sample, &sample, sizeof sample);
    }
    if (++index_ == order_.batches_per_epoch()) {
        index_ = 0;
        ++epoch_;
    }
    const Tensor samples = samples_.slice(0, {n * static_cast<std::int64_t>(sizeof(AugmentSample))});
    device_memory(samples.device()).copy_from_host(samples.raw(), host_samples_.data(), samples.bytes());
    batch_.images = images_.slice(0, {n, config_.height, config_.width, 3});
    batch_.labels = labels_.slice(0, {n, config_.height, config_.width});
    backend(samples).augment(pictures_, samples, dataset_.classes().void_id, batch_.images, batch_.labels);
    return batch_;
}

}  // namespace camber
