#pragma once
#include <camber/loader.h>

#include <optional>

#include "data/sample_order.h"
#include "train/resident_dataset.h"

namespace camber {

/// Where a full batch lies on a device.
struct BatchBuffers {
    Tensor images;  ///< [N, H, W, C], activations
    Tensor labels;  ///< [N, H, W] u8
};

/// The batches of a training run, where they are wanted: cut by a kernel from a dataset that is resident on a device,
/// the same numbers as Loader's; else made by a Loader on the host.
class BatchSource {
  public:
    /// As Loader. `resident`: `dataset` on a device, or null; its batches are cut to `into`, which is of that device.
    BatchSource(const Dataset& dataset, const LoaderConfig& config, const ResidentDataset* resident,
                const BatchBuffers& into, std::int64_t epoch, std::int64_t batch);

    /// As Loader::next(). On a GPU the work is queued, and the tensors are overwritten in its order.
    const Batch& next();

  private:
    const Batch& next_on_device();

    const Dataset& dataset_;
    const LoaderConfig config_;
    std::optional<Loader> loader_;  ///< absent where batches are made on the device

    const ResidentDataset* resident_;
    SampleOrder order_;
    std::int64_t epoch_, index_;
    const BatchBuffers into_;
    Tensor samples_;  ///< of a full batch
    std::vector<std::uint8_t> host_samples_;
    Batch batch_;
};

}  // namespace camber
