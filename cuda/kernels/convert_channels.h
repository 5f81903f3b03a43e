#pragma once
#include <camber/tensor.h>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// to[r, c] = from[r, c] + bias[c], rounded to to's dtype, and 0 where `from` has no row r or channel c. Rows are all
/// axes but the last; dtypes are f32 or bf16; bias is [channels] f32 or undefined. `to` may be from's own buffer where
/// both have the same shape and dtype. At most 2^31 elements.
void convert_channels(const Tensor& from, const Tensor& to, const Tensor& bias = {});

}  // namespace camber::CAMBER_GPU
