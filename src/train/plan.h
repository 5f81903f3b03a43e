#pragma once
#include <camber/loader.h>
#include <camber/train.h>

#include <memory>
#include <optional>
#include <vector>

#include "train/batch_size.h"
#include "train/resident_dataset.h"

namespace camber {

/// What a run learns from: its splits, in a GPU's memory too, and what the loss takes from them.
class RunData {
  public:
    /// Throws Error for data that no run can learn from; tells of classes that cannot be learnt.
    RunData(const TrainConfig& config, TrainObserver& observer);

    const DataFolder& folder() const { return folder_; }
    const Dataset& train() const { return train_; }
    /// Null when the dataset has no val split.
    const Dataset* val() const { return val_ ? &*val_ : nullptr; }
    /// The splits in the memory of a device, copied there when first wanted; null where batches come from the host.
    const ResidentDataset* resident_train(Device device) {
        return resident(resident_train_, train_, device, equalised_);
    }
    const ResidentDataset* resident_val(Device device) { return resident(resident_val_, *val_, device, false); }
    /// Bytes of the frames that are in memory once all were wanted: of the host, as many as it keeps; of a device, all.
    std::int64_t bytes(Device device) const;
    /// What plans of memory on `device` take from it; it refers to this.
    PlannedData planned(Device device) const;
    /// Cross-entropy's class weights, one a class; empty when unweighted.
    const std::vector<float>& class_weights() const { return class_weights_; }

    LoaderConfig loader_config(const TrainConfig& config) const;
    /// Throws UsageError when an epoch would have no batch.
    std::int64_t batches_per_epoch(const TrainConfig& config) const;
    std::int64_t steps_per_epoch(const TrainConfig& config) const;
    Model make_model(const TrainConfig& config, bool pretrained) const;

  private:
    RunData(DataFolder folder, const TrainConfig& config, TrainObserver& observer);

    using Resident = std::optional<std::unique_ptr<ResidentDataset>>;
    const ResidentDataset* resident(Resident& resident, const Dataset& dataset, Device device, bool equalised);

    DataFolder folder_;
    Dataset train_;
    std::optional<Dataset> val_;
    std::vector<float> class_weights_;
    bool equalised_ = false;  // whether a stage asks for it
    std::int64_t most_cached_ = 0;
    std::int64_t room_ = most_resident_bytes;
    Resident resident_train_, resident_val_;
};

/// Schedule step: epochs after which the rate is multiplied.
int epochs_a_step(const TrainConfig& config);

/// As many classes as the data has; a network of one channel, asked for, tells two apart. Throws UsageError where the
/// configuration asks for another number.
void set_classes(TrainConfig& config, const RunData& data);

/// Has the network refuse a size of its input that it does not take.
void check_size(const TrainConfig& config);

/// Refuses a stage that has no steps left after its warm-up, where its schedule needs some.
void check_warmup(const TrainConfig& config, const RunData& data);

/// Refuses what cannot work, whatever the data and the files of weights are.
void check_run(const TrainConfig& config);

/// Refuses what cannot work, and completes the configuration from data, network and memory.
void plan_run(TrainConfig& config, const RunData& data, TrainObserver& observer);

}  // namespace camber
