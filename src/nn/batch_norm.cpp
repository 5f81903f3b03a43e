#include <camber/nn.h>
#include <camber/summary.h>

#include "nn/text.h"

namespace camber::nn {

BatchNormParams keras_batch_norm(bool relu) { return {.eps = 1e-3, .momentum = 0.01, .unbiased = false, .relu = relu}; }

BatchNormParams pytorch_batch_norm(bool relu) { return {.eps = 1e-5, .momentum = 0.1, .unbiased = true, .relu = relu}; }

namespace {

/// Ones of the shape, dtype and device of `like`.
Tensor ones(const Tensor& like) {
    const auto count = static_cast<std::size_t>(like.numel());
    if (like.device() == Device::meta) return Tensor::empty(like.shape(), like.dtype(), like.device());
    if (like.dtype() == Dtype::f64) return Tensor::from(std::vector<double>(count, 1.0), like.shape(), like.device());
    return Tensor::from(std::vector<float>(count, 1.0f), like.shape(), like.device());
}

}  // namespace

BatchNorm2d::BatchNorm2d(std::int64_t channels, const BatchNormParams& params, bool scale)
    : ones_(scale ? nullptr
                  : std::make_unique<Parameter>(
                        Parameter{Tensor::empty({channels}, Dtype::f32, Device::meta), init::ones(), false})),
      weight(scale ? add_parameter("weight", {channels}, init::ones()) : *ones_),
      bias(add_parameter("bias", {channels}, init::zeros())),
      running_mean(add_buffer("running_mean", {channels}, init::zeros())),
      running_var(add_buffer("running_var", {channels}, init::ones())),
      params_(params) {}

Tensor BatchNorm2d::forward(const Tensor& x) {
    if (ones_ && (ones_->tensor.device() != bias.tensor.device() || ones_->tensor.dtype() != bias.tensor.dtype())) {
        ones_->tensor = ones(bias.tensor);
    }
    Tensor y =
        ops::batch_norm(x, weight.tensor, bias.tensor, running_mean.tensor, running_var.tensor, training(), params_);
    if (auto* trace = LayerTrace::active()) {
        const std::int64_t channels = weight.tensor.numel();
        const int kinds = ones_ ? 3 : 4;
        const std::string arithmetic =
            fmt::format("{}beta, mean and variance of {} channels: {}*{} = {}", ones_ ? "" : "gamma, ", channels, kinds,
                        channels, thousands(kinds * channels));
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
