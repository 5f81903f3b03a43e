#include "train/mean_probabilities.h"

#include <camber/ops.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace camber {
MeanProbabilities::MeanProbabilities(const Shape& shape) : sums_(Tensor::zeros(shape, Dtype::f32, Device::cpu)) {}

void MeanProbabilities::add(const Tensor& logits) {
    const Tensor probabilities = ops::softmax(logits);
    const float* const from = probabilities.data<float>();
    float* const sums = sums_.data<float>();
    const std::int64_t count = sums_.numel();
#pragma omp parallel for
    for (std::int64_t i = 0; i < count; ++i) sums[i] += from[i];
    ++count_;
}

Tensor MeanProbabilities::logits() {
    const auto share = 1 / static_cast<float>(count_);
    float* const values = sums_.data<float>();
    const std::int64_t count = sums_.numel();
#pragma omp parallel for
    for (std::int64_t i = 0; i < count; ++i)
        values[i] = std::log(std::max(values[i] * share, std::numeric_limits<float>::min()));
    return sums_;
}

}  // namespace camber
