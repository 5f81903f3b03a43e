#include "train/batch_source.h"

#include <cstring>

#include "backend/backend.h"

namespace camber {

BatchSource::BatchSource(const Dataset& dataset, const LoaderConfig& config, const ResidentDataset* resident,
                         const BatchBuffers& into, std::int64_t epoch, std::int64_t batch)
    : dataset_(dataset),
      config_(config),
      resident_(resident),
      order_(dataset.size(), config),
      epoch_(epoch),
      index_(batch),
      into_(into) {
    if (!resident) {
        loader_.emplace(dataset, config, epoch, batch);
        return;
    }
    check_loader_config(dataset, config);
    host_samples_.resize(static_cast<std::size_t>(order_.most_images()) * sizeof(AugmentSample));
    samples_ =
        Tensor::empty({static_cast<std::int64_t>(host_samples_.size())}, Dtype::u8, resident->pictures().device());
}

const Batch& BatchSource::next() { return loader_ ? loader_->next() : next_on_device(); }

const Batch& BatchSource::next_on_device() {
    order_.fill(batch_, epoch_, index_);
    const auto n = static_cast<std::int64_t>(batch_.indices.size());
    AugmentNeeds needs;
    for (std::size_t i = 0; i < batch_.indices.size(); ++i) {
        const std::size_t item = batch_.indices[i];
        const Extent extent = dataset_.extent(item);
        const AugmentParams params =
            sample_augmentation(config_.augment, config_.normalisation, config_.seed, epoch_, item, extent.height,
                                extent.width, config_.height, config_.width);
        const AugmentSample sample =
            resident_->sample(item, params, config_.normalisation, config_.height, config_.width);
        needs.add(sample);
        std::memcpy(host_samples_.data() + i * sizeof sample, &sample, sizeof sample);
    }
    if (++index_ == order_.batches_per_epoch()) {
        index_ = 0;
        ++epoch_;
    }
    const Tensor samples = samples_.slice(0, {n * static_cast<std::int64_t>(sizeof(AugmentSample))});
    device_memory(samples.device()).copy_from_host(samples.raw(), host_samples_.data(), samples.bytes());
    batch_.images = into_.images.slice(0, {n, config_.height, config_.width, dataset_.channels()});
    batch_.labels = into_.labels.slice(0, {n, config_.height, config_.width});
    backend(samples).augment(resident_->pictures(), samples, needs, dataset_.classes().void_id, batch_.images,
                             batch_.labels);
    return batch_;
}

}  // namespace camber
