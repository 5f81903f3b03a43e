#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor dropout(const Tensor& x, double rate, const PhiloxKey& key, const Tensor& step) {
    check_activation("dropout", x, 0);
    if (!(rate >= 0 && rate < 1)) fail("dropout: the rate must be in [0, 1), not {}", rate);
    if (rate == 0) return x;
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    backend(x).dropout(x, y, rate, key, step);
    if (needs_grad({&x})) {
        // The mask is drawn again instead of stored.
        record(y, {x}, [rate, key, step](BackwardContext& context) {
            backend(context.grad()).dropout(context.grad(), context.out_over_grad(0), rate, key, step);
        });
    }
    return y;
}

}  // namespace camber::ops
