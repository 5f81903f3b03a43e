#pragma once
#include <camber/dataset.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace camber {

/// Samples that are made when they are wanted and kept while there is room. None is ever put out for another: an epoch
/// wants each once, in an order of its own, so what was used last is no likelier to be wanted next, and a share of the
/// dataset that stays is a share that is never made again. Threads may ask at once.
class SampleCache {
  public:
    using Make = std::function<Sample(std::size_t)>;

    /// Of `count` samples, keeps what fits in `bytes`.
    SampleCache(std::size_t count, std::int64_t bytes, Make make)
        : make_(std::move(make)), room_(bytes), kept_(count) {}

    explicit SampleCache(std::vector<Sample> samples);

    /// The sample; throws what making it throws.
    std::shared_ptr<const Sample> get(std::size_t index);
    /// The sample where it is kept, else null.
    std::shared_ptr<const Sample> find(std::size_t index) const;

  private:
    Make make_;
    mutable std::mutex mutex_;
    std::int64_t room_;
    std::vector<std::shared_ptr<const Sample>> kept_;
};

}  // namespace camber
