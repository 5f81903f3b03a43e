#pragma once
#include <camber/loader.h>
#include <camber/philox.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "core/batch_share.h"

namespace camber {

/// Throws UsageError for values out of range, and when an epoch would have no batch at all.
void check_loader_config(const Dataset& dataset, const LoaderConfig& config);

/// Which samples a batch holds: a function of the dataset's size, the configuration, epoch and batch alone.
class SampleOrder {
  public:
    SampleOrder(std::size_t samples, const LoaderConfig& config) : config_(config), order_(samples) {}

    std::int64_t batches_per_epoch() const {
        const auto size = static_cast<std::int64_t>(order_.size());
        const std::int64_t all =
            config_.drop_last ? size / config_.batch_size : (size + config_.batch_size - 1) / config_.batch_size;
        return config_.max_batches > 0 ? std::min<std::int64_t>(all, config_.max_batches) : all;
    }

    /// Has `batch` be that one: what it holds, without its tensors.
    void fill(Batch& batch, std::int64_t epoch, std::int64_t index) {
        shuffle(epoch);
        batch.epoch = epoch;
        batch.index = index;
        const std::int64_t begin = index * config_.batch_size;
        batch.whole = std::min<std::int64_t>(config_.batch_size, static_cast<std::int64_t>(order_.size()) - begin);
        const BatchPart own(batch.whole, config_.share, config_.shares);
        batch.first = own.first;
        const auto first = order_.begin() + begin + own.first;
        batch.indices.assign(first, first + own.images);
    }
    /// Of the smallest batch of an epoch, all shares together.
    std::int64_t fewest_images() const {
        const std::int64_t left =
            static_cast<std::int64_t>(order_.size()) - (batches_per_epoch() - 1) * config_.batch_size;
        return std::min<std::int64_t>(config_.batch_size, left);
    }
    /// Images of the largest share of a batch.
    std::int64_t most_images() const { return (config_.batch_size + config_.shares - 1) / config_.shares; }

  private:
    /// Fisher and Yates, from the epoch's own random stream.
    void shuffle(std::int64_t epoch) {
        if (epoch_ == epoch) return;
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        if (config_.shuffle) {
            Philox random({config_.seed, Stream::shuffling, static_cast<std::uint64_t>(epoch)});
            for (std::size_t i = order_.size(); i > 1; --i)
                std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
        }
        epoch_ = epoch;
    }

    LoaderConfig config_;
    std::int64_t epoch_ = -1;
    std::vector<std::size_t> order_;  ///< of the samples in epoch_
};

}  // namespace camber
