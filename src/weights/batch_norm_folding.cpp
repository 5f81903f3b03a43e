#include "weights/batch_norm_folding.h"

#include <cmath>

namespace camber {

ConvolutionWeights folded(const ConvolutionWeights& conv, int axis, const NormalisationWeights& norm) {
    const std::vector<float> gamma = norm.gamma.to_vector<float>(), beta = norm.beta.to_vector<float>(),
                             mean = norm.mean.to_vector<float>(), variance = norm.variance.to_vector<float>(),
                             bias = conv.bias ? conv.bias.to_vector<float>() : std::vector<float>(gamma.size(), 0.0f);
    std::vector<double> scale;
    std::vector<float> offset;
    for (std::size_t c = 0; c < gamma.size(); ++c) {
        scale.push_back(gamma[c] / std::sqrt(variance[c] + norm.epsilon));
        offset.push_back(static_cast<float>((static_cast<double>(bias[c]) - mean[c]) * scale[c] + beta[c]));
    }
    std::vector<float> weight = conv.weight.to_vector<float>();
    std::size_t inner = 1;  // elements of one output channel that lie together
    for (int i = axis + 1; i < conv.weight.shape().rank(); ++i) inner *= static_cast<std::size_t>(conv.weight.dim(i));
    for (std::size_t i = 0; i < weight.size(); ++i)
        weight[i] = static_cast<float>(weight[i] * scale[i / inner % scale.size()]);
    const auto count = static_cast<std::int64_t>(offset.size());
    return {Tensor::from(weight, conv.weight.shape(), Device::cpu), Tensor::from(offset, {count}, Device::cpu)};
}

}  // namespace camber
