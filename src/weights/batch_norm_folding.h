#pragma once
#include <camber/tensor.h>

namespace camber {

/// A convolution's tensors on the host, f32; `weight` of any layout, `bias` [Cout].
struct ConvolutionWeights {
    Tensor weight, bias;
};

/// Per-channel tensors [C], f32 on the host, of a batch normalisation that is evaluated.
struct NormalisationWeights {
    Tensor gamma, beta, mean, variance;
    double epsilon = 0;
};

/// The convolution that computes what `conv` and `norm` after it do: with s = gamma / sqrt(variance + epsilon) it is
/// weight * s and (bias - mean) * s + beta, rounded once. `conv.bias` may be undefined, for zeros. `axis`: of the
/// weight's output channels.
ConvolutionWeights folded(const ConvolutionWeights& conv, int axis, const NormalisationWeights& norm);

}  // namespace camber
