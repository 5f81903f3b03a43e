#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor softmax(const Tensor& x) {
    check_activation("softmax", x, 0);
    if (x.shape().rank() == 0) fail("softmax: a scalar has no axis to normalise over");
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    backend(x).softmax(x, y);
    if (needs_grad({&x})) {
        record(y, {x}, [y = y.detach()](BackwardContext& context) {
            backend(y).softmax_backward(y, context.grad(), context.out(0));
        });
    }
    return y;
}

}  // namespace camber::ops
