#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {
namespace {

int extent(const Tensor& t, int axis) { return static_cast<int>(t.dim(axis)); }

void check_weight(const char* op, const Tensor& x, const Tensor& w, int channel_axis, const char* layout) {
    check_activation(op, x);
    if (!w.defined() || w.shape().rank() != 4)
        fail("{}: the weight must be {}, not {}", op, layout, w.defined() ? w.shape().str() : "undefined");
    check_parameter(op, "the weight", w, w.shape(), x);
    if (w.dim(channel_axis) != x.dim(3)) {
        fail("{}: the input {} has {} channels, the weight {} takes {}", op, x.shape().str(), x.dim(3), w.shape().str(),
             w.dim(channel_axis));
    }
}

/// A transposed convolution is the data gradient of the convolution that maps its output to its input, with `crop` as
/// that one's padding; its weight [Cin, Kh, Kw, Cout] is that one's [Cout, Kh, Kw, Cin] already.
Conv2dParams as_convolution(const ConvTranspose2dParams& p) {
    return {.stride_h = p.stride_h, .stride_w = p.stride_w, .padding = p.crop};
}

/// Records a convolution or, `transposed`, one whose x is the convolution's response and y its image. The input is
/// saved only for the filter's gradient: a frozen convolution keeps nothing.
void record_convolution(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dParams& p,
                        bool transposed) {
    if (!needs_grad({&x, &w, &bias})) return;
    const bool filter = w.requires_grad() || bias.requires_grad();
    record(y, {x, w, bias}, [=, saved = filter ? x.detach() : Tensor(), w = w.detach()](BackwardContext& context) {
        Backend& device = backend(w);
        if (saved) {
            const Tensor dw = context.needs(1) ? context.out(1) : Tensor::empty(w.shape(), w.dtype(), w.device());
            Tensor db = context.needs(2) ? context.out(2) : Tensor();
            if (db && context.grad_sums_to_zero()) {
                device.fill(db, 0);
                db = Tensor();
            } else if (db && context.gather_with_sums(db)) {
                db = Tensor();
            }
            if (transposed) {
                device.conv2d_backward_filter(context.grad(), saved, dw, {}, p);
                if (db) device.sum(context.grad(), db);
            } else {
                device.conv2d_backward_filter(saved, context.grad(), dw, db, p);
            }
        }
        if (!context.needs(0)) return;
        if (transposed)
            device.conv2d(context.grad(), w, {}, context.out(0), p);
        else
            device.conv2d_backward_data(context.grad(), w, {}, context.out(0), p);
    });
}

}  // namespace

std::int64_t window_output(std::int64_t in, int kernel, int stride, int dilation, int pad_before, int pad_after) {
    const std::int64_t span = std::int64_t{dilation} * (kernel - 1) + 1;
    const std::int64_t room = in + pad_before + pad_after - span;
    return room < 0 ? 0 : room / stride + 1;
}

Padding symmetric_padding(int amount) { return {amount, amount, amount, amount}; }

Padding same_padding(std::int64_t in_h, std::int64_t in_w, int kernel_h, int kernel_w, int stride_h, int stride_w,
                     int dilation_h, int dilation_w) {
    const auto total = [](std::int64_t in, int kernel, int stride, int dilation) {
        const std::int64_t out = (in + stride - 1) / stride;
        return static_cast<int>(std::max<std::int64_t>(0, (out - 1) * stride + dilation * (kernel - 1) + 1 - in));
    };
    const int h = total(in_h, kernel_h, stride_h, dilation_h), w = total(in_w, kernel_w, stride_w, dilation_w);
    return {h / 2, h - h / 2, w / 2, w - w / 2};
}

Padding same_crop(int kernel_h, int kernel_w, int stride_h, int stride_w) {
    // The full output has (in - 1) * stride + kernel rows, 'same' keeps in * stride of them: the gradient of a 'same'
    // convolution.
    const auto before = [](int surplus) { return surplus > 0 ? surplus / 2 : 0; };
    const int h = kernel_h - stride_h, w = kernel_w - stride_w;
    return {before(h), h - before(h), before(w), w - before(w)};
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dParams& p) {
    constexpr const char* op = "conv2d";
    check_weight(op, x, w, 3, "[Cout, Kh, Kw, Cin]");
    if (bias) check_parameter(op, "the bias", bias, {w.dim(0)}, x);
    if (p.stride_h < 1 || p.stride_w < 1 || p.dilation_h < 1 || p.dilation_w < 1)
        fail("{}: strides and dilations are at least 1", op);
    const std::int64_t out_h =
        window_output(x.dim(1), extent(w, 1), p.stride_h, p.dilation_h, p.padding.top, p.padding.bottom);
    const std::int64_t out_w =
        window_output(x.dim(2), extent(w, 2), p.stride_w, p.dilation_w, p.padding.left, p.padding.right);
    if (out_h < 1 || out_w < 1)
        fail("{}: the padded input {} is smaller than the kernel of the weight {}", op, x.shape().str(),
             w.shape().str());
    Tensor y = Tensor::empty({x.dim(0), out_h, out_w, w.dim(0)}, x.dtype(), x.device());
    backend(x).conv2d(x, w, bias, y, p);
    record_convolution(y, x, w, bias, p, false);
    return y;
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dParams& p) {
    constexpr const char* op = "conv_transpose2d";
    check_weight(op, x, w, 0, "[Cin, Kh, Kw, Cout]");
    if (bias) check_parameter(op, "the bias", bias, {w.dim(3)}, x);
    if (p.stride_h < 1 || p.stride_w < 1) fail("{}: strides are at least 1", op);
    const std::int64_t out_h = (x.dim(1) - 1) * p.stride_h + w.dim(1) - p.crop.top - p.crop.bottom;
    const std::int64_t out_w = (x.dim(2) - 1) * p.stride_w + w.dim(2) - p.crop.left - p.crop.right;
    if (out_h < 1 || out_w < 1) fail("{}: nothing is left of the output of {} after cropping", op, x.shape().str());
    Tensor y = Tensor::empty({x.dim(0), out_h, out_w, w.dim(3)}, x.dtype(), x.device());
    backend(x).conv2d_backward_data(x, w, bias, y, as_convolution(p));
    record_convolution(y, x, w, bias, as_convolution(p), true);
    return y;
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
    constexpr const char* op = "linear";
    check_activation(op, x, 0);
    if (x.shape().rank() != 2 && x.shape().rank() != 4)
        fail("{}: the input must have 2 or 4 dimensions, not shape {}", op, x.shape().str());
    if (!w.defined() || w.shape().rank() != 2)
        fail("{}: the weight must be [Cout, Cin], not {}", op, w.defined() ? w.shape().str() : "undefined");
    check_parameter(op, "the weight", w, {w.dim(0), x.shape().back()}, x);
    if (bias) check_parameter(op, "the bias", bias, {w.dim(0)}, x);
    // A 1x1 convolution by another name, so backends need no separate primitive.
    const Tensor kernel = reshape(w, {w.dim(0), 1, 1, w.dim(1)});
    if (x.shape().rank() == 4) return conv2d(x, kernel, bias);
    return reshape(conv2d(reshape(x, {x.dim(0), 1, 1, x.dim(1)}), kernel, bias), {x.dim(0), w.dim(0)});
}

}  // namespace camber::ops
