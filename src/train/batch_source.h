#pragma once
#include <camber/data.h>

#include <memory>
#include <optional>

#include "data/sample_order.h"

namespace camber {

/// The batches of a training run, where they are wanted. On a GPU whose memory holds the dataset, the pictures go there
/// once and every batch is cut from them by a kernel, the same numbers as Loader's; else a Loader makes them on the
/// host.
class BatchSource {
  public:
    /// As Loader, for a network on `device` whose activations are `dtype`.
    BatchSource(const Dataset& dataset, const LoaderConfig& config, Device device, Dtype dtype, std::int64_t epoch,
                std::int64_t batch);

    /// As Loader::next(). On a GPU the work is queued, and the tensors are overwritten in its order.
    const Batch& next();

  private:
    void upload(Device device, Dtype dtype);
    const Batch& next_on_device();

    const Dataset& dataset_;
    const LoaderConfig config_;
    std::optional<Loader> loader_;  ///< absent where batches are made on the device

    SampleOrder order_;
    std::int64_t epoch_, index_;
    Tensor pictures_;  ///< u8: every image and label map, one after the other
    std::vector<std::int64_t> image_offsets_, label_offsets_;
    Tensor samples_, images_, labels_;  ///< of a full batch
    std::vector<std::uint8_t> host_samples_;
    Batch batch_;
};

}  // namespace camber
