#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

namespace {

constexpr const char* op = "batch_norm";

/// Running statistics change in place, also where no optimizer steps.
void mark_changed(const BatchNormTensors& t) {
    t.running_mean.storage().bump_version();
    t.running_var.storage().bump_version();
}

/// Checks the operands but x, and gives their shape.
Shape check_channels(const Tensor& x, const BatchNormTensors& t) {
    check_activation(op, x);
    const Shape channels{x.dim(3)};
    check_parameter(op, "gamma", t.gamma, channels, x);
    check_parameter(op, "beta", t.beta, channels, x);
    check_parameter(op, "running_mean", t.running_mean, channels, x);
    check_parameter(op, "running_var", t.running_var, channels, x);
    if (t.offset) check_parameter(op, "offset", t.offset, channels, x);
    return channels;
}

/// The channels from `begin` on of a gradient that are x's.
Tensor channels_of(const ChannelSlice& gradient, const Tensor& x) {
    if (gradient.tensor.shape() == x.shape()) return gradient.tensor;
    Tensor own = Tensor::empty(x.shape(), x.dtype(), x.device());
    backend(x).copy_channels(gradient.tensor, gradient.begin, own, 0, x.dim(3), {});
    return own;
}

void check_inference(const BatchNormTensors& t) {
    if (t.offset) fail("{}: an offset is left out of x in training alone", op);
}

/// The gradients of gamma and beta, or where they go that nobody wants.
std::pair<Tensor, Tensor> parameter_gradients(BackwardContext& context, const Tensor& gamma) {
    const auto gradient = [&](std::size_t i) {
        return context.needs(i) ? context.out(i) : Tensor::empty(gamma.shape(), gamma.dtype(), gamma.device());
    };
    return {gradient(1), gradient(2)};
}

}  // namespace

Tensor batch_norm(const Tensor& x, const BatchNormTensors& t, bool training, const BatchNormParams& p,
                  const Tensor& residual) {
    const Shape channels = check_channels(x, t);
    if (residual) check_same(op, x, residual);
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    Tensor mean, invstd;
    if (training) {
        mean = Tensor::empty(channels, t.gamma.dtype(), x.device());
        invstd = Tensor::empty(channels, t.gamma.dtype(), x.device());
        backend(x).batch_norm_train(x, residual, t.gamma, t.beta, t.offset, t.running_mean, t.running_var, {y}, {},
                                    mean, invstd, p);
        mark_changed(t);
    } else {
        check_inference(t);
        mean = t.running_mean.detach();
        backend(x).batch_norm_inference(x, residual, t.gamma, t.beta, t.running_mean, t.running_var, {y}, {}, p);
    }
    if (needs_grad({&x, &t.gamma, &t.beta, &residual})) {
        // ReLU of a sum cannot be worked out from x again.
        const Tensor output = residual && p.relu ? y.detach() : Tensor();
        record(y, {x, t.gamma, t.beta, residual},
               [x = x.detach(), gamma = t.gamma.detach(), beta = t.beta.detach(), mean, invstd,
                running_var = t.running_var.detach(), output, p](BackwardContext& context) {
                   const auto [dgamma, dbeta] = parameter_gradients(context, gamma);
                   const bool passed_along = context.needs(3) && !p.relu, masked = context.needs(3) && p.relu;
                   const Tensor dy = context.grad();
                   Tensor dx, dresidual;
                   if (context.needs(0)) dx = context.needs(3) ? context.out(0) : context.out_over_grad(0);
                   if (masked) dresidual = context.out_over_grad(3);
                   if (passed_along) context.set(3, dy);
                   if (invstd) {
                       // The backward pass of batch statistics needs all of dx's terms at once; without a taker they go
                       // nowhere.
                       const Tensor target = dx ? dx : Tensor::empty(x.shape(), x.dtype(), x.device());
                       // The mean of x is subtracted again, so it has no gradient.
                       if (dx) context.set_sums_to_zero(0);
                       backend(x).batch_norm_backward(x, output, {dy}, {}, gamma, beta, mean, invstd, target, dresidual,
                                                      dgamma, dbeta, p);
                   } else {
                       backend(x).batch_norm_inference_backward(x, output, dy, gamma, beta, mean, running_var, dx,
                                                                dresidual, dgamma, dbeta, p);
                   }
               });
    }
    return y;
}

const Tensor& NormalisedAndPooled::y() const {
    if (!y_) fail("batch_norm_max_pool: y is in a concatenation already");
    if (in_place_)
        fail("batch_norm_max_pool: y lies in memory with room for {} channels before it: it is for concat_into alone",
             room_);
    return y_;
}

NormalisedAndPooled batch_norm_max_pool(const Tensor& x, const BatchNormTensors& t, bool training,
                                        const BatchNormParams& p, std::int64_t room) {
    const Shape channels = check_channels(x, t);
    if (room < 0) fail("batch_norm_max_pool: room for {} channels", room);
    if (x.dim(1) < 2 || x.dim(2) < 2) fail("batch_norm_max_pool: {} has no windows of 2x2", x.shape().str());
    const bool recorded = needs_grad({&x, &t.gamma, &t.beta});
    if (recorded && !training) {
        const Tensor y = batch_norm(x, t, training, p);
        return {y, max_pool2d(y), room};
    }
    const auto empty = [&](std::int64_t h, std::int64_t w, std::int64_t c) {
        return Tensor::empty({x.dim(0), h, w, c}, x.dtype(), x.device());
    };
    NormalisedAndPooled out{empty(x.dim(1), x.dim(2), room + x.dim(3)), empty(x.dim(1) / 2, x.dim(2) / 2, x.dim(3)),
                            room};
    out.in_place_ = room > 0;
    const ChannelSlice y = {out.y_, room};
    if (!training) {
        check_inference(t);
        backend(x).batch_norm_inference(x, {}, t.gamma, t.beta, t.running_mean, t.running_var, y, out.pooled, p);
        return out;
    }
    const Tensor mean = Tensor::empty(channels, t.gamma.dtype(), x.device()),
                 invstd = Tensor::empty(channels, t.gamma.dtype(), x.device());
    backend(x).batch_norm_train(x, {}, t.gamma, t.beta, t.offset, t.running_mean, t.running_var, y, out.pooled, mean,
                                invstd, p);
    mark_changed(t);
    if (!recorded) return out;
    record(out.y_, {x, t.gamma, t.beta},
           [x = x.detach(), gamma = t.gamma.detach(), beta = t.beta.detach(), mean, invstd, p,
            room](BackwardContext& context) {
               const auto [dgamma, dbeta] = parameter_gradients(context, gamma);
               const Tensor dpooled = context.grad_of_maxima();
               ChannelSlice dy = context.grad_slice();
               if (dy) dy.begin += room;
               if (!dpooled) dy = {channels_of(dy, x)};  // nobody pooled: an ordinary backward step
               const Tensor dx = context.needs(0) ? context.out(0) : Tensor::empty(x.shape(), x.dtype(), x.device());
               if (context.needs(0)) context.set_sums_to_zero(0);
               backend(x).batch_norm_backward(x, {}, dy, dpooled, gamma, beta, mean, invstd, dx, {}, dgamma, dbeta, p);
           });
    record(out.pooled, {out.y_}, [](BackwardContext& context) { context.set_of_maxima(0, context.grad()); });
    return out;
}

}  // namespace camber::ops
