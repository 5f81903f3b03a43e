#include "train/finite.h"

#include <camber/error.h>
#include <camber/ops.h>

#include <cmath>

namespace camber {

void refuse_non_finite(const Tensor& tensor, const std::string& what) {
    const Tensor host = ops::cast(tensor.to(Device::cpu), Dtype::f32);
    const float* values = host.data<float>();
    for (std::int64_t i = 0; i < host.numel(); ++i) {
        if (!std::isfinite(values[i]))
            fail("{} is not finite: element {} of {} is {}", what, i, host.shape().str(), values[i]);
    }
}

}  // namespace camber
