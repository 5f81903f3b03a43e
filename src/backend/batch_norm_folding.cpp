#include "backend/batch_norm_folding.h"

#include <cmath>

namespace camber {
namespace {

/// What each channel is multiplied by.
std::vector<double> scales(const NormalisationWeights& norm) {
    const std::vector<float> gamma = norm.gamma.to_vector<float>(), variance = norm.variance.to_vector<float>();
    std::vector<double> result;
    for (std::size_t c = 0; c < gamma.size(); ++c) result.push_back(gamma[c] / std::sqrt(variance[c] + norm.epsilon));
    return result;
}

}  // namespace

Tensor folded_weight(const Tensor& weight, int axis, const NormalisationWeights& norm) {
    const Tensor host = weight.to(Device::cpu), folded = Tensor::empty(host.shape(), Dtype::f32, Device::cpu);
    const std::vector<double> scale = scales(norm);
    std::int64_t inner = 1;  // elements of one output channel that lie together
    for (int i = axis + 1; i < host.shape().rank(); ++i) inner *= host.dim(i);
    const float* const from = host.data<float>();
    float* const to = folded.data<float>();
    const auto channels = static_cast<std::int64_t>(scale.size());
    for (std::int64_t i = 0; i < host.numel(); ++i)
        to[i] = static_cast<float>(from[i] * scale[static_cast<std::size_t>(i / inner % channels)]);
    return folded;
}

Tensor folded_bias(const Tensor& bias, const NormalisationWeights& norm) {
    const std::vector<double> scale = scales(norm);
    const std::vector<float> beta = norm.beta.to_vector<float>(), mean = norm.mean.to_vector<float>(),
                             before = bias ? bias.to_vector<float>() : std::vector<float>(scale.size());
    std::vector<float> folded;
    for (std::size_t c = 0; c < scale.size(); ++c)
        folded.push_back(static_cast<float>((static_cast<double>(before[c]) - mean[c]) * scale[c] + beta[c]));
    return Tensor::from(folded, {static_cast<std::int64_t>(folded.size())}, Device::cpu);
}

}  // namespace camber
