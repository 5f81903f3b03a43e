#pragma once
#include <camber/loader.h>
#include <camber/train.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autograd/recorded_work.h"
#include "distributed/communicator.h"
#include "train/resident_dataset.h"

namespace camber {

/// The id that is not judged; -1: none.
int unjudged(const TrainConfig& config, int void_id);

/// Judges a model on a dataset as often as wanted while it learns; see evaluate().
///
/// Where the dataset is resident on the model's device, nothing is copied from the host or to it for a frame or a
/// batch: the batch that is cut, run and counted there is recorded once and replayed, and the sums are read at the end.
/// Else a Loader makes the batches on the host, and every batch's sums are read.
class Evaluator {
  public:
    /// Model and dataset must outlive it; the model keeps its size, dtype, loss and the places of its tensors.
    /// `resident`: the dataset on the model's device, or null.
    /// `world`: null, or processes that have the same model, of which each judges some of the batches; what run()
    /// gives, on each of them, is what one process gives.
    Evaluator(Model& model, const Dataset& dataset, const ResidentDataset* resident = nullptr,
              distributed::Communicator* world = nullptr);

    /// As evaluate(). On a device `progress` is told, and *stop looked at, after every few batches.
    EvalResult run(const Progress& progress = {}, const std::atomic<bool>* stop = nullptr);
    /// The label maps that the model predicts for some frames now, each at its own size.
    std::vector<Image> predictions(const std::vector<std::size_t>& frames);

    /// Why batches are queued one operation at a time on a device that could replay them; empty when they are not.
    const std::string& why_not_recorded() const { return why_not_recorded_; }

  private:
    void set_up_tables();
    /// Frames done.
    std::size_t run_from_host(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop);
    std::size_t run_on_device(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop);
    /// Images at each of input_sizes().
    void judge(std::span<const Tensor> images, const Tensor& labels, const Tensor& source, const Tensor& maps);
    /// Adds up losses and scores, a batch each, of all processes unless one was stopped; frames done.
    std::size_t put_together(EvalResult& result, std::vector<double>& losses, std::vector<double>& scores,
                             std::size_t done, const std::atomic<bool>* stop) const;
    /// Makes what this process has found of its batches that of all processes.
    void exchange(EvalResult& result, std::vector<double>& losses, std::vector<double>& scores) const;
    /// Adds counts [images, C, C], those of the next `count` frames first.
    void add_frames(EvalResult& result, const Tensor& counts, std::size_t count) const;
    /// Logits of up to batch_ frames, in their order.
    Tensor logits_of(std::span<const std::size_t> frames);
    /// A row of the table: of a batch of up to batch_ frames.
    std::vector<std::uint8_t> table_row(std::span<const std::size_t> frames);
    std::size_t first_batch_of(int rank) const;
    void run_recorded();
    std::size_t batches() const { return (dataset_.size() + batch_ - 1) / batch_; }
    std::size_t frames_of(std::size_t batch) const { return std::min(batch_, dataset_.size() - batch * batch_); }

    Model& model_;
    const Dataset& dataset_;
    const ResidentDataset* resident_;
    const std::size_t batch_;                 ///< frames
    distributed::Communicator* const world_;  ///< null where this process judges all batches
    std::size_t begin_, end_;                 ///< batches that it judges
    Tensor counts_;                           ///< i32 [batch_, C, C], of the last batch as what follows
    Tensor logits_, loss_, stats_;

    std::unique_ptr<Loader> loader_;  ///< batches from the host; what it makes ahead serves the next run
    std::vector<std::unique_ptr<Loader>> scaled_loaders_;  ///< at each of input_sizes(); null: loader_'s

    // Batches on the device. The last one is filled up with frames that have neither labels nor a label map.
    AugmentNeeds needs_;            ///< of all rows
    Tensor images_, labels_, row_;  ///< what the recorded batch reads
    Tensor table_;                  ///< u8 [batches, row]: an AugmentSample a frame, then a LabelMap a frame
    Tensor losses_, all_stats_;     ///< of every batch
    Tensor all_counts_;             ///< of as many batches as have room, the frames' counts
    RecordedWork recorded_;
    std::string why_not_recorded_;
};

}  // namespace camber
