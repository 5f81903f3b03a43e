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

Tensor BatchNorm2d::forward(const Tensor& x, const Tensor& residual) {
    if (ones_ && (ones_->tensor.device() != bias.tensor.device() || ones_->tensor.dtype() != bias.tensor.dtype())) {
        ones_->tensor = ones(bias.tensor);
    }
    const Tensor y = ops::batch_norm(x, weight.tensor, bias.tensor, running_mean.tensor, running_var.tensor, training(),
                                     params_, residual);
    if (auto* trace = LayerTrace::active()) {
        const std::int64_t channels = weight.tensor.numel();
        const int kinds = ones_ ? 3 : 4;
        const std::string arithmetic =
            fmt::format("{}beta, mean and variance of {} channels: {}*{} = {}", ones_ ? "" : "gamma, ", channels, kinds,
                        channels, thousands(kinds * channels));
        // A row each for what is one pass here; what stands between two of them is never made.
        Tensor last = x;
        const auto row = [&](const char* type, const Module* module, std::vector<Tensor> inputs, bool is_last) {
            last = is_last ? y : Tensor::empty(y.shape(), y.dtype(), y.device());
            trace->record(type, module, inputs, last, module ? arithmetic : std::string());
        };
        row("BatchNormalization", this, {x}, !residual && !params_.relu);
        if (residual) row("Add", nullptr, {last, residual}, !params_.relu);
        if (params_.relu) row("Activation", nullptr, {last}, true);
    }
    return y;
}

}  // namespace camber::nn
