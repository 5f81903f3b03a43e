#include <camber/layers.h>
#include <camber/summary.h>

#include "nn/text.h"

namespace camber::nn {
namespace {

/// "64 to 128 channels, 3x3: 64*128*9 + 128 = 73,856"
std::string arithmetic(std::int64_t in, std::int64_t out, int kernel_h, int kernel_w, bool bias) {
    const std::int64_t weights = in * out * kernel_h * kernel_w;
    return fmt::format("{} to {} channels, {}x{}: {}*{}*{}{} = {}", in, out, kernel_h, kernel_w, in, out,
                       kernel_h * kernel_w, bias ? fmt::format(" + {}", out) : "",
                       thousands(weights + (bias ? out : 0)));
}

}  // namespace

Conv2d::Conv2d(Conv2dOptions options)
    : weight(
          add_parameter("weight", {options.out, options.kernel_h, options.kernel_w, options.in}, options.weight_init)),
      bias(options.bias ? &add_parameter("bias", {options.out}, options.bias_init) : nullptr),
      options_(std::move(options)) {
    // More classes than these are a kernel of their own in the losses, which would not gain.
    constexpr std::int64_t most = 32, whole = 8;
    if (!options_.head || options_.out > most) return;
    weight.rows = (options_.out + whole - 1) / whole * whole;
    if (bias) bias->rows = weight.rows;
}

Tensor Conv2d::forward(const Tensor& x) {
    if (training() && weight.padded) return convolved(x, weight.padded, bias ? bias->padded : Tensor());
    return convolved(x, weight.tensor, bias ? bias->tensor : Tensor());
}

Tensor Conv2d::convolved(const Tensor& x, const Tensor& kernel, const Tensor& added) {
    const Conv2dOptions& o = options_;
    Conv2dParams params{o.stride, o.stride, o.dilation, o.dilation, {}};
    if (o.padding) {
        params.padding = *o.padding;
    } else if (x.shape().rank() == 4) {  // the operation itself reports any other rank
        params.padding =
            ops::same_padding(x.dim(1), x.dim(2), o.kernel_h, o.kernel_w, o.stride, o.stride, o.dilation, o.dilation);
    }
    Tensor y = ops::conv2d(x, kernel, added, params);
    if (auto* trace = LayerTrace::active()) {
        Tensor input = x;
        if (o.padding_is_a_layer) {
            const Padding p = params.padding;
            const Shape padded = {x.dim(0), x.dim(1) + p.top + p.bottom, x.dim(2) + p.left + p.right, x.dim(3)};
            input = Tensor::empty(padded, x.dtype(), x.device());
            trace->record("ZeroPadding2D", nullptr, {x}, input, {}, p);
            params.padding = {};
        }
        trace->record("Conv2D", this, {input}, y, arithmetic(o.in, o.out, o.kernel_h, o.kernel_w, o.bias), params);
    }
    return y;
}

ConvTranspose2d::ConvTranspose2d(ConvTranspose2dOptions options)
    : weight(
          add_parameter("weight", {options.in, options.kernel_h, options.kernel_w, options.out}, options.weight_init)),
      bias(options.bias ? &add_parameter("bias", {options.out}, options.bias_init) : nullptr),
      options_(std::move(options)) {}

Tensor ConvTranspose2d::forward(const Tensor& x) {
    const ConvTranspose2dOptions& o = options_;
    const Padding crop = o.crop ? *o.crop : ops::same_crop(o.kernel_h, o.kernel_w, o.stride, o.stride);
    const ConvTranspose2dParams params{o.stride, o.stride, crop};
    Tensor y = ops::conv_transpose2d(x, weight.tensor, bias ? bias->tensor : Tensor(), params);
    if (auto* trace = LayerTrace::active()) {
        trace->record("Conv2DTranspose", this, {x}, y, arithmetic(o.in, o.out, o.kernel_h, o.kernel_w, o.bias), params);
    }
    return y;
}

}  // namespace camber::nn
