#include "ops/check.h"

namespace camber::ops {

void check_activation(const char* op, const Tensor& x, int rank) {
    if (!x.defined()) fail("{}: the input is an undefined tensor", op);
    if (!is_floating(x.dtype())) fail("{}: the input must be f32, bf16 or f64, not {}", op, name(x.dtype()));
    if (rank && x.shape().rank() != rank)
        fail("{}: the input must have {} dimensions, not shape {}", op, rank, x.shape().str());
    if (x.numel() == 0) fail("{}: the input of shape {} is empty", op, x.shape().str());
}

void check_tensor(const char* op, const char* role, const Tensor& tensor, const Shape& shape, Dtype dtype,
                  Device device) {
    if (!tensor.defined()) fail("{}: {} is an undefined tensor", op, role);
    if (tensor.shape() != shape) fail("{}: {} must have shape {}, not {}", op, role, shape.str(), tensor.shape().str());
    if (tensor.dtype() != dtype) fail("{}: {} must be {}, not {}", op, role, name(dtype), name(tensor.dtype()));
    if (tensor.device() != device)
        fail("{}: {} is on {}, the input on {}", op, role, name(tensor.device()), name(device));
}

void check_parameter(const char* op, const char* role, const Tensor& parameter, const Shape& shape, const Tensor& x) {
    // Where nothing is computed, parameters may be where they are.
    const Device device = x.device() == Device::meta && parameter ? parameter.device() : x.device();
    check_tensor(op, role, parameter, shape, parameter_dtype(x.dtype()), device);
}

void check_same(const char* op, const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape() || a.dtype() != b.dtype() || a.device() != b.device()) {
        fail("{}: {} {} on {} does not match {} {} on {}", op, name(a.dtype()), a.shape().str(), name(a.device()),
             name(b.dtype()), b.shape().str(), name(b.device()));
    }
}

}  // namespace camber::ops
