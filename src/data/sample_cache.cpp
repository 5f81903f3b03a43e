#include "data/sample_cache.h"

#include <algorithm>
#include <limits>

namespace camber {

void CacheRoom::reserve(std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    reserve_ = bytes;
}

void CacheRoom::limit(std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ = std::min(bytes_, bytes);
}

bool CacheRoom::take(std::int64_t bytes, bool reserved) {
    const std::lock_guard lock(mutex_);
    if (bytes > bytes_ - (reserved ? 0 : reserve_)) return false;
    bytes_ -= bytes;
    if (reserved) reserve_ = std::max<std::int64_t>(0, reserve_ - bytes);
    return true;
}

bool CacheRoom::none_left() const {
    const std::lock_guard lock(mutex_);
    return bytes_ <= 0;
}

SampleCache::SampleCache(std::vector<Sample> samples)
    : kept_(samples.size(), std::make_shared<CacheRoom>(std::numeric_limits<std::int64_t>::max())) {
    for (std::size_t i = 0; i < samples.size(); ++i)
        kept_.keep(i, std::make_shared<const Sample>(std::move(samples[i])));
}

std::shared_ptr<const Sample> SampleCache::get(std::size_t index) {
    if (auto kept = kept_.find(index)) return kept;
    return kept_.keep(index, std::make_shared<const Sample>(make_(index)));
}

}  // namespace camber
