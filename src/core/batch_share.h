#pragma once
#include <camber/tensor.h>

#include <cstdint>
#include <span>

namespace camber {

/// What this process has of a batch that several processes share, and their sums. It is the one place where a primitive
/// learns that there are others: batch normalisation, the losses and dropout ask for it.
class BatchShare {
  public:
    virtual ~BatchShare() = default;
    /// Each value becomes its sum over all shares, with the same bits everywhere.
    virtual void sum(std::span<double> values) const = 0;
    /// The same of f32 or f64 in a device's memory, queued there.
    virtual void sum(const Tensor& values) const = 0;

    std::int64_t first = 0;         ///< position of the share's first image in the batch
    std::int64_t images = 0;        ///< of all shares
    bool normalises_alone = false;  ///< batch normalisation takes the share's statistics, not the batch's
};

/// Images [first, first + images) of a batch of `all`, which share `number` of `count` has.
struct BatchPart {
    std::int64_t first, images;
    BatchPart(std::int64_t all, int number, int count)
        : first(all * number / count), images(all * (number + 1) / count - first) {}
};

/// Has the primitives that this thread calls take part in `share`, which outlives it; null: none.
class BatchShareScope {
  public:
    explicit BatchShareScope(const BatchShare* share);
    ~BatchShareScope();
    BatchShareScope(const BatchShareScope&) = delete;
    BatchShareScope& operator=(const BatchShareScope&) = delete;

  private:
    const BatchShare* previous_;
};

/// Null where the batch is this process's own.
const BatchShare* batch_share();
/// The same of batch normalisation's statistics.
const BatchShare* batch_norm_share();

/// The position of an element in a batch of which this process has a share that begins with it, of `own` images with
/// `elements` in all.
std::int64_t first_element_of_share(std::int64_t own, std::int64_t elements);

}  // namespace camber
