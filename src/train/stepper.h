#pragma once
#include <camber/loader.h>
#include <camber/train.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "autograd/recorded_work.h"
#include "backend/backend.h"
#include "distributed/gradient_reducer.h"
#include "distributed/shared_batch.h"
#include "train/batch_source.h"

namespace camber {

class Pace;
struct ParameterGroups;

/// Sums over the training batches of an epoch; part of a checkpoint taken within it.
struct EpochSums {
    explicit EpochSums(int classes) : confusion(classes) {}
    ConfusionMatrix confusion;
    double loss = 0;
    std::int64_t batches = 0;

    nlohmann::json json() const { return {{"loss", loss}, {"batches", batches}, {"confusion", confusion.counts()}}; }
    static EpochSums from_json(const nlohmann::json& json, int classes);
};

/// What the optimizer steps of a run need, without data or files: also used to measure the speed of a step.
///
/// On a host device every micro-batch is checked before it changes anything. On a GPU nothing waits for the device: the
/// step is recorded once and replayed, sums stay in device memory, and pull() fetches and checks them now and then.
class Stepper {
  public:
    struct Numbers {
        double lr = 0;
        double momentum = 0;  ///< SGD's, or Adam's beta1; 0: as configured
    };
    /// What a step takes, by its number from 0; of Schedule's config, total_steps is set here.
    using Rate = std::function<Numbers(std::int64_t)>;
    static Rate scheduled(const TrainConfig& config, std::int64_t total_steps);
    /// Of a run whose length is not known: `pace` says the progress, and outlives the stepper.
    static Rate scheduled(const TrainConfig& config, const Pace& pace);

    /// `world`: the processes that share every batch.
    Stepper(Model& model, Rate rate, distributed::Communicator& world);
    Stepper(Model& model, Rate rate);

    Optimizer& optimizer() { return optimizer_; }
    std::int64_t steps() const { return optimizer_.steps(); }
    double lr() const { return rate_(steps()).lr; }
    /// By what the gradients of the last step are multiplied, 1 / micro-batches; 0 before the first.
    double gradient_scale() const { return gradient_scale_; }

    /// What a recorded step reads, undefined on a host device. A batch that lies there is not copied.
    const BatchBuffers& buffers() const { return buffers_; }

    /// Forward and backward for micro-batch `index` of the run, the `position`-th of the `count` that make a step; the
    /// last one steps. Throws Error when loss or gradient norm is known not to be finite; on a host device weights and
    /// gradients are then as they were.
    void micro_batch(const Batch& batch, std::int64_t index, std::int64_t position, std::int64_t count);

    /// Sums since the epoch's start, as of the last pull().
    const EpochSums& sums() const { return sums_; }
    /// Fetches the sums and checks loss and gradient norm; waits for the device. Nothing to do on a host device.
    void pull();
    void start_epoch();
    /// Goes on from a checkpoint.
    void restore(const EpochSums& sums);

    /// Of the sums of gradients over processes; null where there is one.
    const distributed::GradientReducer* reducer() const { return sharing_ ? &sharing_->reducer : nullptr; }

    /// Why steps are queued one operation at a time on a device that could replay them; empty when they are not.
    const std::string& why_not_recorded() const { return why_not_recorded_; }

    struct NotFinite : Error {
        NotFinite(const char* what_failed, double its_value, std::int64_t at_step)
            : Error(fmt::format("the {} became {} at step {}", what_failed, its_value, at_step)),
              quantity(what_failed),
              value(its_value),
              step(at_step) {}
        const char* quantity;
        double value;
        std::int64_t step;  ///< on a GPU, the last one taken when it was noticed
    };

  private:
    Stepper(Model& model, Rate rate, ParameterGroups groups, distributed::Communicator* world);

    void on_host(const Batch& batch, bool first, bool last, double scale);
    void on_gpu(const Batch& batch, bool first, bool last, double scale);
    /// Null where there is one process.
    const BatchShare* share_of(const Batch& batch);
    void add_counts();
    void forward_and_backward(const Tensor& images, const Tensor& labels, bool first, bool last);
    /// The learning rate of the step that comes; gives the optimizer its momentum.
    double take_rate();
    void check_norm() const;

    Model& model_;
    Optimizer optimizer_;
    Rate rate_;
    EpochSums sums_;
    double gradient_scale_ = 0;
    std::int64_t batches_ = 0;  ///< since the epoch's start
    Tensor counts_;             ///< confusion matrix: of a micro-batch (host), of the epoch so far (GPU)

    /// Where batches are shared.
    struct Sharing {
        Sharing(distributed::Communicator& all, nn::ParameterBuffer& parameters)
            : world(all), batch(all), reducer(all, parameters) {}
        distributed::Communicator& world;
        distributed::SharedBatch batch;
        distributed::GradientReducer reducer;
        Tensor counts;  ///< on a GPU: the confusion matrix of the epoch so far, of this process's shares
    };
    std::unique_ptr<Sharing> sharing_;

    // GPU only.
    const bool deferred_;
    BatchBuffers buffers_;
    Tensor step_, loss_sum_;                               ///< what a recorded step reads and writes
    std::array<std::array<RecordedWork, 2>, 2> recorded_;  ///< by first and last micro-batch of the step
    std::string why_not_recorded_;
};

}  // namespace camber
