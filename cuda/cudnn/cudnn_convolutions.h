#pragma once
#include <optional>
#include <string>
#include <vector>

#include "backend/convolution_settings.h"
#include "cuda/convolutions/library.h"
#include "cuda/cudnn/conv_plan.h"

namespace camber::cuda {

/// A way of posing a call to cuDNN. Where the problem differs from the call (dtype, channels and filters rounded up to
/// whole chunks, no bias), operands are converted before and the result after.
struct ConvVariant {
    std::string name;  ///< "plain", "padded with bias", ...
    cudnn::ConvProblem problem;
    bool compiled = false;  ///< cuDNN has no plan ready and compiles what it offers
};

/// Empty where cuDNN cannot be asked: negative padding, no pixels, more elements than it or conversions count.
std::vector<ConvVariant> conv_variants(const ConvCall& call);

/// A variant and an engine that computes it.
struct VariantPlan {
    ConvVariant variant;
    std::optional<cudnn::EnginePlan> plan;
    std::string why;  ///< there is no plan
};

/// Plans for every variant of a call, or why there is none; none is compiled once `time` has been used up.
std::vector<VariantPlan> plan_variants(const cudnn::Target& target, const ConvCall& call,
                                       const cudnn::PlanLimits& limits, cudnn::CompileTime& time);

/// cuDNN's engines for every variant of a call.
class CudnnConvolutions final : public ConvLibrary {
  public:
    /// Throws Error where cuDNN cannot be opened on this GPU.
    CudnnConvolutions(const cudnn::Api& api, const ConvolutionSettings& settings);

    std::string name() const override { return "cudnn"; }
    std::vector<std::unique_ptr<ConvPlan>> plans(const ConvCall& call) override;
    std::unique_ptr<ConvPlan> restore(const ConvCall& call, const std::string& saved) override;

  private:
    const cudnn::Api& api_;
    cudnn::PlanLimits limits_;
    cudnnHandle_t handle_ = nullptr;
    std::optional<cudnn::Target> target_;
    cudnn::CompileTime compile_time_;
};

}  // namespace camber::cuda
