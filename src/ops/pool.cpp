#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {
namespace {

Tensor pool_output(const char* op, const Tensor& x, const Pool2dParams& p) {
    check_activation(op, x);
    const Padding& pad = p.padding;
    if (p.kernel_h < 1 || p.kernel_w < 1 || p.stride_h < 1 || p.stride_w < 1)
        fail("{}: kernel and stride are at least 1", op);
    const bool padded_windows =
        pad.top < p.kernel_h && pad.bottom < p.kernel_h && pad.left < p.kernel_w && pad.right < p.kernel_w;
    if (!padded_windows || pad.top < 0 || pad.bottom < 0 || pad.left < 0 || pad.right < 0) {
        fail("{}: padding must be at least 0 and smaller than the {}x{} window", op, p.kernel_h, p.kernel_w);
    }
    const std::int64_t h = window_output(x.dim(1), p.kernel_h, p.stride_h, 1, pad.top, pad.bottom);
    const std::int64_t w = window_output(x.dim(2), p.kernel_w, p.stride_w, 1, pad.left, pad.right);
    if (h < 1 || w < 1)
        fail("{}: the input {} is smaller than the {}x{} window", op, x.shape().str(), p.kernel_h, p.kernel_w);
    return Tensor::empty({x.dim(0), h, w, x.dim(3)}, x.dtype(), x.device());
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const Pool2dParams& p) {
    Tensor y = pool_output("max_pool2d", x, p);
    backend(x).max_pool2d(x, y, p);
    if (needs_grad({&x})) {
        record(y, {x}, [x = x.detach(), y = y.detach(), p](BackwardContext& context) {
            const ChannelSlice addend = context.take_addend(0);
            backend(x).max_pool2d_backward(x, y, context.grad(), addend, context.out(0), p);
        });
    }
    return y;
}

Tensor avg_pool2d(const Tensor& x, const Pool2dParams& p) {
    Tensor y = pool_output("avg_pool2d", x, p);
    backend(x).avg_pool2d(x, y, p);
    if (needs_grad({&x})) {
        record(y, {x}, [p](BackwardContext& context) {
            backend(context.grad()).avg_pool2d_backward(context.grad(), context.out(0), p);
        });
    }
    return y;
}

Tensor global_avg_pool(const Tensor& x) {
    check_activation("global_avg_pool", x);
    const int h = static_cast<int>(x.dim(1)), w = static_cast<int>(x.dim(2));
    return avg_pool2d(
        x, {.kernel_h = h, .kernel_w = w, .stride_h = h, .stride_w = w, .padding = {}, .count_include_pad = false});
}

}  // namespace camber::ops
