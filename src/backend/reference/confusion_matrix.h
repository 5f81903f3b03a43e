#pragma once
#include <camber/tensor.h>

namespace camber::reference {

/// counts [C, C] i32, truth by prediction, is added to; pixels whose truth is ignore_index or >= C are left out.
inline void confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts, int ignore_index) {
    const std::int64_t classes = counts.dim(0);
    const auto* predicted = prediction.data<std::uint8_t>();
    const auto* labels = truth.data<std::uint8_t>();
    auto* out = counts.data<std::int32_t>();
    for (std::int64_t i = 0; i < truth.numel(); ++i)
        if (labels[i] != ignore_index && labels[i] < classes) ++out[labels[i] * classes + predicted[i]];
}

}  // namespace camber::reference
