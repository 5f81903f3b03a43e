#include "train/finite.h"

#include <camber/error.h>
#include <camber/ops.h>

#include "core/finite.h"

namespace camber {

void refuse_non_finite(const Tensor& tensor, const std::string& what) {
    const Tensor host = ops::cast(tensor.to(Device::cpu), Dtype::f32);
    const float* values = host.data<float>();
    const auto count = static_cast<std::size_t>(host.numel());
    const std::size_t i = first_non_finite(values, count);
    if (i < count) fail("{} is not finite: element {} of {} is {}", what, i, host.shape().str(), values[i]);
}

}  // namespace camber
