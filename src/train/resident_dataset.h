#pragma once
#include <camber/augment.h>
#include <camber/dataset.h>
#include <camber/tensor.h>

#include <memory>
#include <vector>

#include "backend/augment_pixel.h"
#include "backend/label_map.h"

namespace camber {

/// The pictures and label maps of a dataset in the memory of a device that is not the host, where kernels cut batches
/// from them.
class ResidentDataset {
  public:
    /// Null on a host device, where the dataset takes more than `room` bytes, and where the device has no memory left
    /// for it. Takes its bytes from `room`. `equalised`: with the tables of
    /// AugmentParams::equalised, which no sample has otherwise. The dataset must outlive it.
    static std::unique_ptr<ResidentDataset> make(const Dataset& dataset, Device device, std::int64_t& room,
                                                 bool equalised = false);

    const Dataset& dataset() const { return dataset_; }
    /// Flat u8: what samples and label maps lie in.
    const Tensor& pictures() const { return pictures_; }
    /// Item `item` as Backend::augment takes it, with its label map as loaded.
    AugmentSample sample(std::size_t item, const AugmentParams& params, const Normalisation& normalisation, int height,
                         int width) const;
    /// Its label map at its original size.
    const LabelMap& label_map(std::size_t item) const { return items_[item].original; }

  private:
    explicit ResidentDataset(const Dataset& dataset) : dataset_(dataset) {}

    struct Item {
        std::int64_t image, label;
        LabelMap original;
        std::int64_t tables = -1;
    };
    const Dataset& dataset_;
    std::vector<Item> items_;
    Tensor pictures_;
};

/// As much of a GPU's memory as the pictures of a run may take: a network wants the rest.
inline constexpr std::int64_t most_resident_bytes = std::int64_t{4} << 30;

}  // namespace camber
