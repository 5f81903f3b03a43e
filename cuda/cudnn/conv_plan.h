#pragma once
#include <camber/dtype.h>
#include <camber/shape.h>
#include <camber/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cuda/cudnn/cudnn_api.h"
#include "cuda/kernels/conv.h"

/// Convolutions as cuDNN plans.
namespace camber::cudnn {

/// What a ConvCall asks of cuDNN.
struct ConvProblem {
    ConvKind kind = ConvKind::forward;
    Dtype dtype = Dtype::bf16;         ///< of image and response: f32 or bf16; sums are in f32
    Dtype filter_dtype = Dtype::bf16;  ///< dtype, or f32 for the gradient of bf16's filter
    std::int64_t images = 0, height = 0, width = 0, channels = 0;
    std::int64_t filters = 0, kernel_h = 0, kernel_w = 0;
    std::int64_t out_height = 0, out_width = 0;
    Conv2dParams params;
    bool bias = false;  ///< [K] or, backward_data, [C] in f32 is added to what is computed; not for backward_filter

    /// The same text for the same problem.
    std::string key() const;
};

/// A convolution of unpadded operands; filter_dtype is `dtype`.
ConvProblem conv_problem(ConvKind kind, Dtype dtype, const Shape& image, const Shape& filter, const Shape& response,
                         const Conv2dParams& params);

/// What plans may do.
struct PlanLimits {
    bool tf32 = false;          ///< f32 operands may be rounded to TF32's 11 bits for tensor cores
    bool deterministic = true;  ///< the same bits every time
    std::int64_t workspace = std::int64_t{256} << 20;  ///< bytes
};

/// What plans are made for: the GPU of a handle, or one that is only described (CUDNN_ATTR_DEVICEPROP_JSON_-
/// REPRESENTATION), whose plans can be kept but not run here.
class Target {
  public:
    Target(const Api& api, cudnnHandle_t handle) : api_(&api), handle_(handle) {}
    Target(const Api& api, const std::string& description);

    const Api& api() const { return *api_; }
    void apply_to_graph(Descriptor& graph) const;
    void apply_to_heuristics(Descriptor& heuristics) const;
    void apply_to_plan(Descriptor& plan) const;

  private:
    const Api* api_;
    cudnnHandle_t handle_ = nullptr;
    std::optional<Descriptor> properties_;
};

/// The description of the GPU in use, for a Target elsewhere.
std::string describe_device(const Api& api, int device_id);

/// Addresses on the device; null where the problem has no such operand.
struct EngineOperands {
    const void *image = nullptr, *filter = nullptr, *response = nullptr, *bias = nullptr;
};

class EnginePlan {
  public:
    /// `plan` is finished.
    explicit EnginePlan(Descriptor plan, std::string engine);

    std::int64_t workspace_bytes() const { return workspace_bytes_; }
    /// For messages: "engine 51 native, knobs 2=3 13=64".
    const std::string& engine() const { return engine_; }
    /// What restore_plan() makes the same plan of, with the same library version and device.
    std::string json() const;
    /// Queues the work on the handle's stream.
    void execute(const Api& api, cudnnHandle_t handle, const EngineOperands& operands, void* workspace) const;

  private:
    Descriptor plan_;
    std::string engine_;
    std::int64_t workspace_bytes_;
};

/// How many plans to make of a problem. Those that are ready cost nothing until they are timed. Those that cuDNN
/// compiles take one to two seconds of a core each, and are made only where none is ready: fused problems.
struct PlanCounts {
    int ready = 10, compiled = 1;
};

/// Seconds left for compiling, in all problems that share it.
struct CompileTime {
    double left = 8;
};

/// Plans for `problem` within `limits`: first those of engines made for the GPU's architecture ("native"), then one of
/// every other engine, each in the order in which cuDNN expects them to be fast. None is compiled once `time` has
/// been used up. Empty where there are none; `why` then has the last reason. Throws Error where cuDNN does not accept
/// the problem.
std::vector<EnginePlan> make_plans(const Target& target, const ConvProblem& problem, const PlanLimits& limits,
                                   const PlanCounts& counts = {}, CompileTime* time = nullptr,
                                   std::string* why = nullptr);

/// Throws Error where `json` is not of this library's version, this architecture and number of multiprocessors, and the
/// driver's CUDA version. Nothing is compiled.
EnginePlan restore_plan(const Target& target, const std::string& json, const std::string& engine);

}  // namespace camber::cudnn
