#pragma once
#include <camber/dataset.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace camber {

/// Of a dataset that is not all kept, this part of the room is for label maps until all of them are kept.
inline constexpr std::int64_t labels_share = 4;

/// Bytes that may still be kept. Threads may ask at once.
class CacheRoom {
  public:
    explicit CacheRoom(std::int64_t bytes) : bytes_(bytes) {}
    /// Leaves so many to who takes with `reserved`.
    void reserve(std::int64_t bytes);
    /// Leaves so many in all where there are more.
    void limit(std::int64_t bytes);
    /// Whether there are as many; takes them.
    bool take(std::int64_t bytes, bool reserved);
    bool none_left() const;

  private:
    mutable std::mutex mutex_;
    std::int64_t bytes_, reserve_ = 0;
};

/// Values, one for each sample of a dataset, that are kept while there is room. None is ever put out for another: an
/// epoch wants each once, in an order of its own, so what was used last is no likelier to be wanted next, and a share
/// that stays is a share that is never made again. Threads may ask at once.
template <class Value>
class Kept {
  public:
    Kept(std::size_t count, std::shared_ptr<CacheRoom> room, bool reserved = false)
        : room_(std::move(room)), reserved_(reserved), values_(count), missing_(count) {}

    bool all() const {
        const std::lock_guard lock(mutex_);
        return missing_ == 0;
    }

    /// The value where it is kept, else null.
    std::shared_ptr<const Value> find(std::size_t index) const {
        const std::lock_guard lock(mutex_);
        return values_[index];
    }
    /// Keeps it where there is room; the kept one, where another thread was faster.
    std::shared_ptr<const Value> keep(std::size_t index, std::shared_ptr<const Value> value) {
        const std::lock_guard lock(mutex_);
        if (values_[index]) return values_[index];
        if (room_->take(value->bytes(), reserved_)) {
            values_[index] = value;
            --missing_;
        }
        return value;
    }

  private:
    std::shared_ptr<CacheRoom> room_;
    bool reserved_;
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<const Value>> values_;
    std::size_t missing_;
};

/// Samples that are made when they are wanted.
class SampleCache {
  public:
    using Make = std::function<Sample(std::size_t)>;

    SampleCache(std::size_t count, std::shared_ptr<CacheRoom> room, Make make)
        : make_(std::move(make)), kept_(count, std::move(room)) {}
    explicit SampleCache(std::vector<Sample> samples);

    /// The sample; throws what making it throws.
    std::shared_ptr<const Sample> get(std::size_t index);
    /// The sample where it is kept, else null.
    std::shared_ptr<const Sample> find(std::size_t index) const { return kept_.find(index); }

  private:
    Make make_;
    Kept<Sample> kept_;
};

}  // namespace camber
