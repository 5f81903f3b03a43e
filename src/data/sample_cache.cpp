#include "data/sample_cache.h"

namespace camber {

SampleCache::SampleCache(std::vector<Sample> samples) : room_(0) {
    for (Sample& sample : samples) kept_.push_back(std::make_shared<Sample>(std::move(sample)));
}

std::shared_ptr<const Sample> SampleCache::get(std::size_t index) {
    if (auto kept = find(index)) return kept;
    auto made = std::make_shared<const Sample>(make_(index));
    const std::int64_t bytes = made->bytes();
    const std::lock_guard lock(mutex_);
    if (kept_[index]) return kept_[index];  // another thread was faster
    if (bytes > room_) return made;
    room_ -= bytes;
    return kept_[index] = std::move(made);
}

std::shared_ptr<const Sample> SampleCache::find(std::size_t index) const {
    const std::lock_guard lock(mutex_);
    return kept_[index];
}

}  // namespace camber
