#pragma once
#include <variant>
#include <vector>

#include "inference/trace.h"

namespace camber::inference {

/// A convolution with all that follows it before its sums are stored.
struct Convolution {
    ConvolutionLayer layer;
    ConvolutionOperands operands;
};
using Step = std::variant<Convolution, Call>;

/// The activations of a step; undefined ones are left out.
std::vector<Tensor> activations_of(const Step& step);

/// A trace as steps, to be done in this order: batch normalisations, ReLU, additions and 2x2 poolings are part of the
/// convolution before them where nobody else wants what they are given, and convolutions store their output in the
/// concatenation where it goes. Where `device` can, they read what is made larger by repeating its pixels as it was
/// before, and what is concatenated with it where it is.
std::vector<Step> fuse(const Trace& trace, const Backend& device);

}  // namespace camber::inference
