#pragma once
#include <camber/tensor.h>

#include <string>

namespace camber {

/// Throws Error saying that `what` holds a NaN or an infinity, and where the first is. Any floating dtype and device.
void refuse_non_finite(const Tensor& tensor, const std::string& what);

}  // namespace camber
