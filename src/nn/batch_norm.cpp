#include <camber/layers.h>
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

ops::BatchNormTensors BatchNorm2d::tensors(const Tensor& offset) {
    if (ones_ && (ones_->tensor.device() != bias.tensor.device() || ones_->tensor.dtype() != bias.tensor.dtype())) {
        ones_->tensor = ones(bias.tensor);
    }
    return {weight.tensor, bias.tensor, running_mean.tensor, running_var.tensor, offset};
}

Tensor BatchNorm2d::forward(const Tensor& x, const Tensor& residual, const Tensor& offset) {
    const Tensor y = ops::batch_norm(x, tensors(offset), training(), params_, residual);
    trace(x, residual, y);
    return y;
}

ops::NormalisedAndPooled BatchNorm2d::forward_and_pool(const Tensor& x, MaxPool2d& pool, const Tensor& offset,
                                                       std::int64_t room) {
    if (pool.params() != Pool2dParams{}) fail("batch normalisation is fused with pooling of 2x2 windows alone");
    auto* layers = LayerTrace::active();
    if (!layers) return ops::batch_norm_max_pool(x, tensors(offset), training(), params_, room);
    const ops::NormalisedAndPooled out = ops::batch_norm_max_pool(x, tensors(offset), training(), params_);
    trace(x, {}, out.y());
    layers->record("MaxPooling2D", &pool, {out.y()}, out.pooled, {}, pool.params());
    return {out.y(), out.pooled, room};
}

void BatchNorm2d::trace(const Tensor& x, const Tensor& residual, const Tensor& y) const {
    auto* layers = LayerTrace::active();
    if (!layers) return;
    const std::int64_t channels = weight.tensor.numel();
    const int kinds = ones_ ? 3 : 4;
    const std::string arithmetic =
        fmt::format("{}beta, mean and variance of {} channels: {}*{} = {}", ones_ ? "" : "gamma, ", channels, kinds,
                    channels, thousands(kinds * channels));
    // A row each for what is one pass here; what stands between two of them is never made.
    Tensor last = x;
    const auto row = [&](const char* type, const Module* module, std::vector<Tensor> inputs, bool is_last) {
        last = is_last ? y : Tensor::empty(y.shape(), y.dtype(), y.device());
        layers->record(type, module, inputs, last, module ? arithmetic : std::string(),
                       module ? LayerSettings(params_) : LayerSettings());
    };
    row("BatchNormalization", this, {x}, !residual && !params_.relu);
    if (residual) row("Add", nullptr, {last, residual}, !params_.relu);
    if (params_.relu) row("Activation", nullptr, {last}, true);
}

namespace {

/// What a convolution's bias is to the normalisation after it.
Tensor offset_of(const Conv2d& conv, const BatchNorm2d& norm) {
    return conv.bias && norm.training() ? conv.bias->tensor.detach() : Tensor();
}

Tensor convolved(Conv2d& conv, const Tensor& x, const Tensor& offset) {
    return offset ? conv.forward_without_bias(x) : conv.forward(x);
}

}  // namespace

Tensor conv_batch_norm(Conv2d& conv, BatchNorm2d& norm, const Tensor& x, const Tensor& residual) {
    const Tensor offset = offset_of(conv, norm);
    return norm.forward(convolved(conv, x, offset), residual, offset);
}

ops::NormalisedAndPooled conv_batch_norm_max_pool(Conv2d& conv, BatchNorm2d& norm, MaxPool2d& pool, const Tensor& x,
                                                  std::int64_t room) {
    const Tensor offset = offset_of(conv, norm);
    return norm.forward_and_pool(convolved(conv, x, offset), pool, offset, room);
}

}  // namespace camber::nn
