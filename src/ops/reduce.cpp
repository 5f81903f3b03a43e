#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor sum(const Tensor& x) {
    check_activation("sum", x, 0);
    Tensor y = Tensor::empty({}, parameter_dtype(x.dtype()), x.device());
    backend(x).sum(x, y);
    if (needs_grad({&x})) {
        record(y, {x}, [](BackwardContext& context) {
            const Tensor gradient = context.out(0);
            backend(gradient).broadcast(context.grad(), gradient);
        });
    }
    return y;
}

Tensor mean(const Tensor& x) { return scale(sum(x), 1.0 / static_cast<double>(x.numel())); }

Tensor argmax(const Tensor& x) {
    check_activation("argmax", x);
    if (x.dim(3) > 256) fail("argmax: {} classes do not fit u8 labels", x.dim(3));
    Tensor labels = Tensor::empty({x.dim(0), x.dim(1), x.dim(2)}, Dtype::u8, x.device());
    backend(x).argmax(x, labels);
    return labels;
}

}  // namespace camber::ops
