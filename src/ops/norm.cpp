#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, bool training, const BatchNormParams& p, const Tensor& residual) {
    constexpr const char* op = "batch_norm";
    check_activation(op, x);
    const Shape channels{x.dim(3)};
    check_parameter(op, "gamma", gamma, channels, x);
    check_parameter(op, "beta", beta, channels, x);
    check_parameter(op, "running_mean", running_mean, channels, x);
    check_parameter(op, "running_var", running_var, channels, x);
    if (residual) check_same(op, x, residual);
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    Tensor mean, invstd;
    if (training) {
        mean = Tensor::empty(channels, gamma.dtype(), x.device());
        invstd = Tensor::empty(channels, gamma.dtype(), x.device());
        backend(x).batch_norm_train(x, residual, gamma, beta, running_mean, running_var, y, mean, invstd, p);
    } else {
        mean = running_mean.detach();
        backend(x).batch_norm_inference(x, residual, gamma, beta, running_mean, running_var, y, p);
    }
    if (needs_grad({&x, &gamma, &beta, &residual})) {
        // ReLU of a sum cannot be worked out from x again.
        const Tensor output = residual && p.relu ? y.detach() : Tensor();
        record(y, op, {x, gamma, beta, residual},
               [x = x.detach(), gamma = gamma.detach(), beta = beta.detach(), mean, invstd,
                running_var = running_var.detach(), output, p](BackwardContext& context) {
                   const auto parameter_gradient = [&](std::size_t i) {
                       return context.needs(i) ? context.out(i)
                                               : Tensor::empty(gamma.shape(), gamma.dtype(), gamma.device());
                   };
                   const Tensor dgamma = parameter_gradient(1), dbeta = parameter_gradient(2);
                   const bool passed_along = context.needs(3) && !p.relu, masked = context.needs(3) && p.relu;
                   Tensor dx, dresidual;
                   if (context.needs(0)) dx = context.needs(3) ? context.out(0) : context.out_over_grad(0);
                   if (masked) dresidual = context.out_over_grad(3);
                   if (passed_along) context.set(3, context.grad());
                   if (invstd) {
                       // The backward pass of batch statistics needs all of dx's terms at once; without a taker they go
                       // nowhere.
                       const Tensor target = dx ? dx : Tensor::empty(x.shape(), x.dtype(), x.device());
                       // The mean of x is subtracted again, so it has no gradient.
                       if (dx) context.set_sums_to_zero(0);
                       backend(x).batch_norm_backward(x, output, context.grad(), gamma, beta, mean, invstd, target,
                                                      dresidual, dgamma, dbeta, p);
                   } else {
                       backend(x).batch_norm_inference_backward(x, output, context.grad(), gamma, beta, mean,
                                                                running_var, dx, dresidual, dgamma, dbeta, p);
                   }
               });
    }
    return y;
}

}  // namespace camber::ops
