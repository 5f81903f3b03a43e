#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor resize(const Tensor& x, std::int64_t out_h, std::int64_t out_w, ResizeMode mode) {
    check_activation("resize", x);
    if (out_h < 1 || out_w < 1) fail("resize: the output size {}x{} is empty", out_h, out_w);
    Tensor y = Tensor::empty({x.dim(0), out_h, out_w, x.dim(3)}, x.dtype(), x.device());
    backend(x).resize(x, y, mode);
    if (needs_grad({&x})) {
        record(y, {x}, [mode](BackwardContext& context) {
            backend(context.grad()).resize_backward(context.grad(), context.out(0), mode);
        });
    }
    return y;
}

}  // namespace camber::ops
