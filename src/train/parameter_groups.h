#pragma once
#include <camber/optim.h>
#include <camber/train.h>

#include <vector>

namespace camber {

/// What the optimizer steps at which rate. Each of the encoder's stages, the rest of the network and its auxiliary
/// heads make two groups: weights, which decay, and biases and batch normalisations, which do not, unless decay_all. A
/// last group is frozen.
struct ParameterGroups {
    std::vector<ParameterGroup> groups;
    std::vector<ParameterRange> ranges;
};

/// From the model's config: weight_decay, decay_all, encoder_lr, aux_lr; frozen is what has Parameter::trainable
/// false. Throws UsageError when encoder_lr does not suit the network's encoder.
ParameterGroups parameter_groups(const Model& model);

}  // namespace camber
