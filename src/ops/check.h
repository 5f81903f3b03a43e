#pragma once
#include <camber/tensor.h>

namespace camber::ops {

inline bool is_floating(Dtype dtype) { return dtype == Dtype::f64 || dtype == Dtype::f32 || dtype == Dtype::bf16; }

/// Throws unless x is a floating activation of `rank` dimensions (any rank when 0).
void check_activation(const char* op, const Tensor& x, int rank = 4);
/// Throws unless `tensor`, called `role` in messages, has this shape, dtype and device.
void check_tensor(const char* op, const char* role, const Tensor& tensor, const Shape& shape, Dtype dtype,
                  Device device);
/// check_tensor with the dtype and device of a parameter that goes with activation x; any device for an x on meta.
void check_parameter(const char* op, const char* role, const Tensor& parameter, const Shape& shape, const Tensor& x);
void check_same(const char* op, const Tensor& a, const Tensor& b);

}  // namespace camber::ops
