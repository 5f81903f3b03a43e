#pragma once
#include <camber/channel_slice.h>
#include <camber/philox.h>
#include <camber/tensor.h>
#include <camber/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "backend/device_sums.h"
#include "backend/prepared_convolution.h"
#include "backend/timeline.h"

/// The backend contract: what a device must provide, its primitives (primitives.def) above all.
namespace camber {

struct AugmentNeeds;

/// Elements [begin, end) of the flat parameter buffer that share a parameter group.
struct ParameterSegment {
    std::int64_t begin = 0, end = 0;
    int group = 0;
};

struct OptimizerParams {
    OptimizerKind kind = OptimizerKind::adam;
    double momentum = 0;  ///< SGD; this and beta1 as configured, those of a step are step_scalar::momentum
    bool nesterov = false;
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  ///< Adam, AdamW
    double max_grad_norm =
        0;  ///< > 0: gradients are scaled by min(1, max_grad_norm / (norm + 1e-6)), norm from `grad_norm`
};

/// Positions in the f32 tensor of per-step numbers that optimizer_step reads. They live in device memory so that a
/// captured step can be replayed with new ones.
namespace step_scalar {
inline constexpr int grad_scale = 0;        ///< multiplies every gradient first (1 / accumulated micro-batches)
inline constexpr int bias_correction1 = 1;  ///< 1 - beta1^t
inline constexpr int bias_correction2 = 2;  ///< 1 - beta2^t
inline constexpr int first_step = 3;  ///< 1 on the first step (SGD's momentum buffer starts as the gradient), else 0
inline constexpr int ema_decay = 4;   ///< ema = decay * ema + (1 - decay) * parameter, where ema is given
inline constexpr int momentum = 5;    ///< SGD's momentum, Adam's beta1
inline constexpr int rest = 6;        ///< 1 - momentum
inline constexpr int groups = 7;      ///< then two a group: learning rate, weight decay
}  // namespace step_scalar

/// Work that a device was given once and can be told to do again: a CUDA graph. Tensors made while it was recorded keep
/// their memory to themselves as long as it lives; those it reads and writes besides must outlive it.
class Recording {
  public:
    virtual ~Recording() = default;
    /// Queues all of it.
    virtual void replay() = 0;
};

/// Bytes that a convolution takes besides its operands.
struct ConvScratch {
    std::size_t while_it_runs = 0;
    std::size_t code = 0;  ///< from its first call on, once for all calls of the same shapes
};

class Backend {
  public:
    virtual ~Backend() = default;
    virtual Device device() const = 0;
    /// For `camber info`: libraries, versions, instruction sets.
    virtual std::string describe() const = 0;
    /// Waits for all queued work.
    virtual void synchronize() {}
    /// Records what `work` queues on the device, without running it. `work` must neither wait for the device nor copy
    /// from the host; throws Error naming the call that did. Null where the device cannot record.
    virtual std::unique_ptr<Recording> record(const std::function<void()>& work) {
        static_cast<void>(work);
        return nullptr;
    }
    /// Joins the processes of `meeting`, each with a device of its own; throws Error saying what is missing. Null where
    /// they sum in host memory.
    virtual std::unique_ptr<DeviceSums> join(const Meeting& meeting) {
        static_cast<void>(meeting);
        return nullptr;
    }
    /// Takes the time of what is queued on the device.
    virtual std::unique_ptr<Timeline> timeline() { return host_timeline(); }
    /// Empty when networks can run in `dtype` here, else one line that says why not.
    virtual std::string why_not_in(Dtype dtype) const {
        static_cast<void>(dtype);
        return {};
    }

    /// What a convolution of tensors of these shapes takes on this device, for plans of memory.
    virtual ConvScratch conv_scratch(ConvPass pass, const Tensor& image, const Tensor& w, const Tensor& output,
                                     bool has_bias, const Conv2dParams& p) const {
        static_cast<void>(pass), static_cast<void>(image), static_cast<void>(w), static_cast<void>(output);
        static_cast<void>(has_bias), static_cast<void>(p);
        return {};
    }

    /// Whether prepare() takes these operands with a part of the image at half the resolution, `coarse`.
    virtual bool reads_coarse(const ConvolutionLayer& layer, const ConvolutionOperands& like) const {
        static_cast<void>(layer), static_cast<void>(like);
        return false;
    }
    /// A convolution of inference, ready to be run again and again on operands of the shapes of `like`, which have no
    /// elements. By the primitives where a device does not override it. Prepared weights are `kept`'s.
    virtual std::unique_ptr<PreparedConvolution> prepare(const ConvolutionLayer& layer, const ConvolutionOperands& like,
                                                         KeptWeights& kept);

#define PRIMITIVE(name, parameters, ...) virtual void name parameters = 0;
#include "backend/primitives.def"
};

/// The backend of `device`; throws Error saying what is missing when this build or machine has none.
Backend& backend(Device device);
inline Backend& backend(const Tensor& tensor) { return backend(tensor.device()); }
/// Whether backend(device) would succeed.
bool has_backend(Device device);
/// One line that says why it would not; empty when it would.
std::string why_no_backend(Device device);

}  // namespace camber
