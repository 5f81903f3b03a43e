#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "backend/convolution_settings.h"
#include "cuda/cudnn/conv_plan.h"
#include "cuda/cudnn/plan_cache.h"
#include "cuda/kernels/convolutions.h"

namespace camber::cuda {

/// A convolution to run: what is given and what is computed, see conv_plan.h. The filter is [K, Kh, Kw, C] in f32.
struct ConvCall {
    cudnn::ConvKind kind;
    Tensor image, filter, response, bias;  ///< bias may be undefined
    Conv2dParams params;
};

ConvCall conv2d_call(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p);
ConvCall conv2d_backward_data_call(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p);
ConvCall conv2d_backward_filter_call(const Tensor& x, const Tensor& dy, const Tensor& dw, const Conv2dParams& p);
/// A transposed convolution is the data gradient of a convolution: its input is the response, its output the image.
ConvCall conv_transpose2d_call(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                               const ConvTranspose2dParams& p);
ConvCall conv_transpose2d_backward_data_call(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                             const ConvTranspose2dParams& p);
ConvCall conv_transpose2d_backward_filter_call(const Tensor& x, const Tensor& dy, const Tensor& dw,
                                               const ConvTranspose2dParams& p);

/// A way of posing a call to cuDNN. Where the problem differs from the call (dtype, channels and filters rounded up to
/// whole chunks, no bias), operands are converted before and the result after.
struct ConvVariant {
    std::string name;  ///< "fused", "padded", ...
    cudnn::ConvProblem problem;
};

/// Empty where cuDNN cannot be asked: negative padding, no pixels, more elements than it or conversions count.
std::vector<ConvVariant> conv_variants(const ConvCall& call);

/// cuDNN's convolutions. At a shape's first call plans for every variant are made and timed on the call's own operands
/// (and, for ConvolutionChoice::automatic, Camber's kernels too); the fastest serves from then on, in later runs too.
/// What cuDNN refuses, what is too small to matter (automatic), and a shape that is first met while a step is being
/// recorded run on Camber's kernels.
class CudnnConvolutions final : public Convolutions {
  public:
    CudnnConvolutions(const cudnn::Api& api, OwnConvolutions& own, const ConvolutionSettings& settings);

    void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) override;
    void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) override;
    void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                const Conv2dParams& p) override;
    void conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                          const ConvTranspose2dParams& p) override;
    void conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                        const ConvTranspose2dParams& p) override;
    void conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                          const ConvTranspose2dParams& p) override;

  private:
    using Own = std::function<void()>;
    /// How a problem is served: by a plan, or by Camber's kernels where there is none.
    struct Server {
        ConvVariant variant;
        std::optional<cudnn::ConvPlan> plan;
    };

    void run(const ConvCall& call, const Own& own);
    Server choose(const ConvCall& call, const std::string& key, std::vector<ConvVariant> variants, const Own& own);
    std::optional<Server> recall(const std::string& key, const std::vector<ConvVariant>& variants) const;
    void execute(const ConvCall& call, const ConvVariant& variant, const cudnn::ConvPlan& plan) const;

    const cudnn::Api& api_;
    OwnConvolutions& own_;
    ConvolutionSettings settings_;
    cudnn::PlanLimits limits_;
    cudnnHandle_t handle_ = nullptr;
    std::optional<cudnn::Target> target_;
    cudnn::PlanCache cache_;
    std::mutex mutex_;
    std::unordered_map<std::string, Server> servers_;
};

}  // namespace camber::cuda
