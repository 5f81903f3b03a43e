#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, bool training, const BatchNormParams& p) {
    constexpr const char* op = "batch_norm";
    check_activation(op, x);
    const Shape channels{x.dim(3)};
    check_parameter(op, "gamma", gamma, channels, x);
    check_parameter(op, "beta", beta, channels, x);
    check_parameter(op, "running_mean", running_mean, channels, x);
    check_parameter(op, "running_var", running_var, channels, x);
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    Tensor mean, invstd;
    if (training) {
        mean = Tensor::empty(channels, gamma.dtype(), x.device());
        invstd = Tensor::empty(channels, gamma.dtype(), x.device());
        backend(x).batch_norm_train(x, gamma, beta, running_mean, running_var, y, mean, invstd, p);
    } else {
        mean = running_mean.detach();
        backend(x).batch_norm_inference(x, gamma, beta, running_mean, running_var, y, p);
    }
    if (needs_grad({&x, &gamma, &beta})) {
        record(y, op, {x, gamma, beta},
               [x = x.detach(), gamma = gamma.detach(), beta = beta.detach(), mean, invstd,
                running_var = running_var.detach(), p](BackwardContext& context) {
                   const auto parameter_gradient = [&](std::size_t i) {
                       return context.needs(i) ? context.out(i)
                                               : Tensor::empty(gamma.shape(), gamma.dtype(), gamma.device());
                   };
                   const Tensor dgamma = parameter_gradient(1), dbeta = parameter_gradient(2);
                   const Tensor dx = context.needs(0) ? context.out_over_grad(0) : Tensor();
                   if (invstd) {
                       // The backward pass of batch statistics needs all of dx's terms at once; without a taker they go
                       // nowhere.
                       const Tensor target = dx ? dx : Tensor::empty(x.shape(), x.dtype(), x.device());
                       backend(x).batch_norm_backward(x, context.grad(), gamma, beta, mean, invstd, target, dgamma,
                                                      dbeta, p);
                   } else {
                       backend(x).batch_norm_inference_backward(x, context.grad(), gamma, beta, mean, running_var, dx,
                                                                dgamma, dbeta, p);
                   }
               });
    }
    return y;
}

}  // namespace camber::ops
