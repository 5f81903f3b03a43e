#pragma once
#include <camber/autograd.h>

namespace camber::testing {

/// backward() with a given gradient of `output`, of any shape.
inline void backward_from(const Tensor& output, const Tensor& gradient) {
    Tensor loss = Tensor::zeros({}, parameter_dtype(output.dtype()), output.device());
    record(loss, {output}, [gradient](BackwardContext& context) { context.out(0).copy_from(gradient); });
    backward(loss);
}

}  // namespace camber::testing
