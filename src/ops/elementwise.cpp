#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor relu(const Tensor& x) {
    check_activation("relu", x, 0);
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    backend(x).relu(x, y);
    if (needs_grad({&x})) {
        record(y, {x}, [y = y.detach()](BackwardContext& context) {
            backend(y).relu_backward(y, context.grad(), context.out_over_grad(0));
        });
    }
    return y;
}

Tensor add(const Tensor& a, const Tensor& b) {
    check_activation("add", a, 0);
    check_same("add", a, b);
    Tensor y = Tensor::empty(a.shape(), a.dtype(), a.device());
    backend(a).add(a, b, y);
    if (needs_grad({&a, &b})) {
        record(y, {a, b}, [](BackwardContext& context) {
            for (std::size_t i = 0; i < 2; ++i) {
                if (context.needs(i)) context.set(i, context.grad());
            }
        });
    }
    return y;
}

Tensor scale(const Tensor& x, double alpha) {
    check_activation("scale", x, 0);
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    backend(x).scale(x, alpha, y);
    if (needs_grad({&x})) {
        record(y, {x}, [alpha](BackwardContext& context) {
            backend(context.grad()).scale(context.grad(), alpha, context.out_over_grad(0));
        });
    }
    return y;
}

Tensor cast(const Tensor& x, Dtype dtype) {
    check_activation("cast", x, 0);
    if (!is_floating(dtype)) fail("cast: to {} is not between floating dtypes", name(dtype));
    if (dtype == x.dtype()) return x;
    Tensor y = Tensor::empty(x.shape(), dtype, x.device());
    backend(x).cast(x, y);
    if (needs_grad({&x})) {
        record(y, {x}, [](BackwardContext& context) { backend(context.grad()).cast(context.grad(), context.out(0)); });
    }
    return y;
}

}  // namespace camber::ops
