#pragma once
#include <camber/named_tensor.h>
#include <camber/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

/// Optimizers over flat parameter buffers, in PyTorch's semantics (torch.optim, 2.x).
namespace camber {

/// torch.optim.SGD with dampening 0: g += weight_decay * w; buffer = momentum * buffer + g (the first time: g);
/// w -= lr * (nesterov ? g + momentum * buffer : buffer).
struct Sgd {
    double momentum = 0.9;
    bool nesterov = false;
};

/// torch.optim.Adam (Kingma and Ba 2014), weight decay added to the gradient.
struct Adam {
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
};

/// torch.optim.AdamW (Loshchilov and Hutter 2017), weights decayed by lr * weight_decay apart from the gradient.
struct AdamW {
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
};

using OptimizerRule = std::variant<Sgd, Adam, AdamW>;

/// Hyper-parameters shared by some of the parameters.
struct ParameterGroup {
    std::string name = "default";
    double lr_multiplier = 1;  ///< times the schedule's learning rate
    double weight_decay = 0;
    bool frozen = false;  ///< neither stepped, averaged nor counted in the gradient norm
};

/// A parameter's place in the flat buffer: shape.numel() elements from `begin`.
struct ParameterRange {
    std::string name;
    std::int64_t begin = 0;
    Shape shape;
    int group = 0;  ///< index into the parameter groups
};

struct OptimizerConfig {
    OptimizerRule rule = AdamW{};
    /// > 0: as torch.nn.utils.clip_grad_norm_, over all parameters that are not frozen, after grad_scale.
    double max_grad_norm = 0;
    /// > 0: keeps an exponential moving average of the parameters, average = d * average + (1 - d) * parameter.
    double ema_decay = 0;
    /// d = min(ema_decay, (1 + t) / (10 + t)) in step t = 1, 2, ...: TensorFlow's num_updates, so that the average
    /// forgets the initial weights early. False: d = ema_decay throughout.
    bool ema_warmup = true;
};

/// Steps a flat parameter buffer by a flat gradient buffer: one pass of the backend over everything, nothing
/// allocated per step.
class Optimizer {
  public:
    /// `parameters` and `gradients`: f32 (f64 on the reference device), equal sizes, same device. Their storage is
    /// kept. Gaps between ranges must hold zeros in both, as nn::ParameterBuffer's do, so that ranges of one group are
    /// stepped in one sweep; the gaps stay zero. Throws UsageError naming the parameter or value: ranges that
    /// overlap or leave the buffer, an unknown group, names used twice, hyper-parameters out of range.
    Optimizer(Tensor parameters, Tensor gradients, std::vector<ParameterRange> ranges,
              std::vector<ParameterGroup> groups = {ParameterGroup{}}, OptimizerConfig config = {});
    ~Optimizer();
    Optimizer(const Optimizer&) = delete;
    Optimizer& operator=(const Optimizer&) = delete;

    /// One step. Every gradient is multiplied by `grad_scale` first: 1 / k when k micro-batches were accumulated. Bumps
    /// Storage::version() of the parameters. Throws UsageError when lr is negative or not finite, or while
    /// the averages are swapped in.
    void step(double lr, double grad_scale = 1);

    /// step() in its two halves, for a device that captures a step and replays it: prepare_step() counts the step and
    /// copies its numbers to the device; launch_step() queues the device work, the same for every step.
    void prepare_step(double lr, double grad_scale = 1);
    void launch_step();

    /// SGD's momentum, Adam's beta1, from the next step on: PyTorch's schedules change it between steps, and Adam's
    /// bias correction takes it to have been the same throughout, as PyTorch's does. Throws UsageError when it is not
    /// in [0, 1), and for SGD without momentum.
    void set_momentum(double momentum);

    /// Steps taken so far.
    std::int64_t steps() const;
    /// Euclidean norm of the last step's gradient after grad_scale, before clipping. Waits for the device. 0 unless
    /// max_grad_norm > 0.
    double grad_norm() const;

    /// Everything a resumed run needs, as handles on the optimizer's own tensors, so that loading into them restores
    /// it: "optim.m.NAME" (SGD's momentum, Adam's first moment), "optim.v.NAME" (Adam's second moment), "ema.NAME",
    /// and "optim.step" (i32 [1]). Shapes are the parameters'. Throws Error while the averages are swapped in.
    std::vector<NamedTensor> state() const;

    bool has_ema() const;
    /// Exchanges parameters and averages in place, for evaluation; a second call exchanges them back. Running
    /// statistics of batch normalisation are not parameters and stay. Throws Error without an EMA.
    void swap_ema();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Evaluates with the averaged parameters for its lifetime, where the optimizer has them.
class EmaScope {
  public:
    explicit EmaScope(Optimizer& optimizer) : optimizer_(optimizer.has_ema() ? &optimizer : nullptr) {
        if (optimizer_) optimizer_->swap_ema();
    }
    ~EmaScope() {
        if (optimizer_) optimizer_->swap_ema();
    }
    EmaScope(const EmaScope&) = delete;
    EmaScope& operator=(const EmaScope&) = delete;

  private:
    Optimizer* optimizer_;
};

}  // namespace camber
