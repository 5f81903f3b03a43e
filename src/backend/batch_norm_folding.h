#pragma once
#include <camber/tensor.h>

/// A batch normalisation that is evaluated, multiplied into the convolution before it: with s = gamma / sqrt(variance +
/// epsilon) that convolution's weight is weight * s and its bias (bias - mean) * s + beta, each rounded once.
namespace camber {

/// Per-channel tensors [C], f32.
struct NormalisationWeights {
    Tensor gamma, beta, mean, variance;  ///< undefined: no normalisation
    double epsilon = 0;
    explicit operator bool() const { return gamma.defined(); }
};

/// f32 on the host; `axis`: of the weight's output channels, of which there are as many as the normalisation has.
Tensor folded_weight(const Tensor& weight, int axis, const NormalisationWeights& norm);
/// [C] f32 on the host. An undefined bias stands for zeros.
Tensor folded_bias(const Tensor& bias, const NormalisationWeights& norm);

}  // namespace camber
