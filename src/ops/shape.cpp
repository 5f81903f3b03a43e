#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

Tensor pad2d(const Tensor& x, const Padding& pad) {
    check_activation("pad2d", x);
    const std::int64_t h = x.dim(1) + pad.top + pad.bottom, w = x.dim(2) + pad.left + pad.right;
    if (h < 1 || w < 1) fail("pad2d: cropping {} leaves nothing", x.shape().str());
    Tensor y = Tensor::empty({x.dim(0), h, w, x.dim(3)}, x.dtype(), x.device());
    backend(x).pad2d(x, y, pad.top, pad.left);
    if (needs_grad({&x})) {
        record(y, {x}, [pad](BackwardContext& context) {
            backend(context.grad()).pad2d(context.grad(), context.out(0), -pad.top, -pad.left);
        });
    }
    return y;
}

Tensor concat(const std::vector<Tensor>& parts) {
    if (parts.empty()) fail("concat: there is nothing to concatenate");
    std::int64_t channels = 0;
    bool recorded = false;
    for (const Tensor& part : parts) {
        check_activation("concat", part);
        const Tensor& first = parts.front();
        const Shape expected{first.dim(0), first.dim(1), first.dim(2), part.dim(3)};
        check_tensor("concat", "every part", part, expected, first.dtype(), first.device());
        channels += part.dim(3);
        recorded = recorded || needs_grad({&part});
    }
    const Tensor& first = parts.front();
    Tensor y = Tensor::empty({first.dim(0), first.dim(1), first.dim(2), channels}, first.dtype(), first.device());
    std::vector<std::int64_t> begins;
    std::int64_t begin = 0;
    for (const Tensor& part : parts) {
        backend(y).copy_channels(part, 0, y, begin, part.dim(3), {});
        begins.push_back(begin);
        begin += part.dim(3);
    }
    if (recorded) {
        record(y, parts, [begins](BackwardContext& context) {
            for (std::size_t i = 0; i < begins.size(); ++i)
                if (context.needs(i)) context.set_slice(i, {context.grad(), begins[i]});
        });
    }
    return y;
}

Tensor concat_into(const Tensor& part, NormalisedAndPooled features) {
    constexpr const char* op = "concat_into";
    const Tensor wide = features.in_place_ && features.y_ ? features.y_ : features.y();
    const std::int64_t room = features.room_;
    check_activation(op, part);
    if (room > 0)
        check_tensor(op, "the part", part, {wide.dim(0), wide.dim(1), wide.dim(2), room}, wide.dtype(), wide.device());
    if (!features.in_place_) return concat({part, wide});
    backend(wide).copy_channels(part, 0, wide, 0, room, {});
    Tensor y = wide.detach();
    if (needs_grad({&part, &wide})) {
        record(y, {part, wide}, [](BackwardContext& context) {
            if (context.needs(0)) context.set_slice(0, {context.grad(), 0});
            if (context.needs(1)) context.set(1, context.grad());
        });
    }
    return y;
}

Tensor pixel_shuffle(const Tensor& x, int factor) {
    check_activation("pixel_shuffle", x);
    const std::int64_t positions = std::int64_t{factor} * factor;
    if (factor < 1 || x.dim(3) % positions != 0) {
        fail("pixel_shuffle: the channels of {} do not divide into squares of {} x {} pixels", x.shape().str(), factor,
             factor);
    }
    Tensor y =
        Tensor::empty({x.dim(0), x.dim(1) * factor, x.dim(2) * factor, x.dim(3) / positions}, x.dtype(), x.device());
    backend(x).pixel_shuffle(x, y, factor);
    if (needs_grad({&x})) {
        record(y, {x}, [factor](BackwardContext& context) {
            backend(context.grad()).pixel_unshuffle(context.grad(), context.out(0), factor);
        });
    }
    return y;
}

Tensor reshape(const Tensor& x, const Shape& shape) {
    Tensor y = x.view(shape);
    if (needs_grad({&x})) {
        record(y, {x}, [from = x.shape()](BackwardContext& context) { context.set(0, context.grad().view(from)); });
    }
    return y;
}

}  // namespace camber::ops
