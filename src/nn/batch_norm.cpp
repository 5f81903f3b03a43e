#include <camber/nn.h>
#include <camber/summary.h>

#include "nn/text.h"

namespace camber::nn {

BatchNormParams keras_batch_norm(bool relu) { return {.eps = 1e-3, .momentum = 0.01, .unbiased = false, .relu = relu}; }

BatchNormParams pytorch_batch_norm(bool relu) { return {.eps = 1e-5, .momentum = 0.1, .unbiased = true, .relu = relu}; }

BatchNorm2d::BatchNorm2d(std::int64_t channels, const BatchNormParams& params)
    : weight(add_parameter("weight", {channels}, init::ones())),
      bias(add_parameter("bias", {channels}, init::zeros())),
      running_mean(add_buffer("running_mean", {channels}, init::zeros())),
      running_var(add_buffer("running_var", {channels}, init::ones())),
      params_(params) {}

Tensor BatchNorm2d::forward(const Tensor& x) {
    Tensor y =
        ops::batch_norm(x, weight.tensor, bias.tensor, running_mean.tensor, running_var.tensor, training(), params_);
    if (auto* trace = LayerTrace::active()) {
        const std::int64_t channels = weight.tensor.numel();
        const std::string arithmetic = fmt::format("gamma, beta, mean and variance of {} channels: 4*{} = {}", channels,
                                                   channels, thousands(4 * channels));
        if (params_.relu) {  // two rows in a table: what stands between them is never made
            const Tensor normalised = Tensor::empty(y.shape(), y.dtype(), y.device());
            trace->record("BatchNormalization", this, {x}, normalised, arithmetic);
            trace->record("Activation", nullptr, {normalised}, y);
        } else {
            trace->record("BatchNormalization", this, {x}, y, arithmetic);
        }
    }
    return y;
}

}  // namespace camber::nn
