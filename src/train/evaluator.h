#pragma once
#include <camber/loader.h>
#include <camber/train.h>

#include <memory>
#include <string>
#include <vector>

#include "train/recorded_work.h"
#include "train/resident_dataset.h"

namespace camber {

/// Judges a model on a dataset as often as wanted while it learns; see evaluate().
///
/// Where the dataset is resident on the model's device, nothing is copied from the host or to it for a frame or a
/// batch: the batch that is cut, run and counted there is recorded once and replayed, and the sums are read at the end.
/// Else a Loader makes the batches on the host, and every batch's sums are read.
class Evaluator {
  public:
    /// Model and dataset must outlive it; the model keeps its size, dtype, loss and the places of its tensors.
    /// `resident`: the dataset on the model's device, or null. `watched`: frames whose predictions are wanted.
    Evaluator(Model& model, const Dataset& dataset, const ResidentDataset* resident = nullptr,
              std::vector<std::size_t> watched = {});

    /// As evaluate(). On a device `progress` is told, and *stop looked at, after every few batches.
    EvalResult run(const Progress& progress = {}, const std::atomic<bool>* stop = nullptr);
    /// The label map, at its own size, of watched frame number `i` in the last run, which did not stop early.
    Image prediction(std::size_t i) const;
    const std::vector<std::size_t>& watched() const { return watched_; }

    /// Why batches are queued one operation at a time on a device that could replay them; empty when they are not.
    const std::string& why_not_recorded() const { return why_not_recorded_; }

  private:
    void set_up_tables();
    /// Frames done.
    std::size_t run_from_host(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop);
    std::size_t run_on_device(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop);
    void judge(const Tensor& images, const Tensor& labels, const Tensor& source, const Tensor& maps);
    void keep_predictions(std::size_t begin, std::size_t count);
    std::size_t batches() const { return (dataset_.size() + batch_ - 1) / batch_; }

    Model& model_;
    const Dataset& dataset_;
    const ResidentDataset* resident_;
    const std::vector<std::size_t> watched_;
    std::vector<Tensor> kept_;  ///< of the watched frames, their logits [1, H, W, C]
    const std::size_t batch_;   ///< frames
    Tensor counts_;
    Tensor logits_, loss_, stats_;  ///< of the last batch

    std::unique_ptr<Loader> loader_;  ///< batches from the host; what it makes ahead serves the next run

    // Batches on the device. The last one is filled up with frames that have neither labels nor a label map.
    Tensor images_, labels_, row_;  ///< what the recorded batch reads
    Tensor table_;                  ///< u8 [batches, row]: an AugmentSample a frame, then a LabelMap a frame
    Tensor losses_, all_stats_;     ///< of every batch
    RecordedWork recorded_;
    std::string why_not_recorded_;
};

}  // namespace camber
