#include <camber/layers.h>
#include <camber/summary.h>

#include "nn/text.h"

namespace camber::nn {
namespace {

/// Reports a layer that is one operation, and returns what it made.
Tensor reported(const char* type, const Module* module, const std::vector<Tensor>& inputs, Tensor output,
                const std::string& arithmetic = {}, const LayerSettings& settings = {}) {
    if (auto* trace = LayerTrace::active()) trace->record(type, module, inputs, output, arithmetic, settings);
    return output;
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, bool with_bias, init::Initializer weight_init,
               init::Initializer bias_init)
    : weight(add_parameter("weight", {out, in}, std::move(weight_init))),
      bias(with_bias ? &add_parameter("bias", {out}, std::move(bias_init)) : nullptr) {}

Tensor Linear::forward(const Tensor& x) {
    const std::int64_t out = weight.tensor.dim(0), in = weight.tensor.dim(1);
    return reported("Dense", this, {x}, ops::linear(x, weight.tensor, bias ? bias->tensor : Tensor()),
                    fmt::format("{} to {}: {}*{}{} = {}", in, out, in, out, bias ? fmt::format(" + {}", out) : "",
                                thousands(in * out + (bias ? out : 0))));
}

Tensor ReLU::forward(const Tensor& x) { return reported("Activation", this, {x}, ops::relu(x)); }
Tensor Softmax::forward(const Tensor& x) { return reported("Activation", this, {x}, ops::softmax(x)); }

Tensor MaxPool2d::forward(const Tensor& x) {
    return reported("MaxPooling2D", this, {x}, ops::max_pool2d(x, params_), {}, params_);
}

Tensor AvgPool2d::forward(const Tensor& x) {
    return reported("AveragePooling2D", this, {x}, ops::avg_pool2d(x, params_), {}, params_);
}

Tensor GlobalAvgPool::forward(const Tensor& x) {
    return reported("GlobalAveragePooling2D", this, {x}, ops::global_avg_pool(x));
}

Tensor Upsample::forward(const Tensor& x) {
    return reported("UpSampling2D", this, {x}, ops::resize(x, x.dim(1) * factor_, x.dim(2) * factor_, mode_), {},
                    mode_);
}

Dropout::Dropout(double rate) : rate_(rate) {
    if (!(rate >= 0 && rate < 1)) fail_usage("the dropout rate must be at least 0 and below 1, not {}", rate);
}

Tensor Dropout::forward(const Tensor& x) {
    // A table shows the layer whether or not it does anything: the output must then be a tensor of its own.
    if (LayerTrace::active()) return reported("Dropout", this, {x}, Tensor::empty(x.shape(), x.dtype(), x.device()));
    if (!training() || rate_ == 0) return x;
    return ops::dropout(x, rate_, context().next_key(), context().device_step);
}

Tensor Sequential::forward(const Tensor& x) {
    Tensor y = x;
    for (std::size_t i = 0; i < size(); ++i) y = (*this)[i].forward(y);
    return y;
}

Tensor relu(const Tensor& x) { return reported("Activation", nullptr, {x}, ops::relu(x)); }
Tensor concat(const std::vector<Tensor>& parts) { return reported("Concatenate", nullptr, parts, ops::concat(parts)); }
Tensor concat_into(const Tensor& part, ops::NormalisedAndPooled features) {
    if (!LayerTrace::active()) return ops::concat_into(part, std::move(features));
    const Tensor y = features.y();
    return reported("Concatenate", nullptr, {part, y}, ops::concat_into(part, std::move(features)));
}
Tensor add(const Tensor& a, const Tensor& b) { return reported("Add", nullptr, {a, b}, ops::add(a, b)); }

Tensor pad2d(const Tensor& x, const Padding& padding) {
    const bool crops = padding.top < 0 || padding.bottom < 0 || padding.left < 0 || padding.right < 0;
    return reported(crops ? "Cropping2D" : "ZeroPadding2D", nullptr, {x}, ops::pad2d(x, padding), {}, padding);
}

Tensor resize(const Tensor& x, std::int64_t out_h, std::int64_t out_w, ResizeMode mode) {
    return reported("Resizing", nullptr, {x}, ops::resize(x, out_h, out_w, mode), {}, mode);
}

Tensor avg_pool2d(const Tensor& x, const Pool2dParams& params) {
    return reported("AveragePooling2D", nullptr, {x}, ops::avg_pool2d(x, params), {}, params);
}

Tensor pixel_shuffle(const Tensor& x, int factor) {
    return reported("PixelShuffle", nullptr, {x}, ops::pixel_shuffle(x, factor));
}

Tensor flatten(const Tensor& x) {
    return reported("Flatten", nullptr, {x}, ops::reshape(x, {x.dim(0), 1, 1, x.numel() / x.dim(0)}));
}

}  // namespace camber::nn
