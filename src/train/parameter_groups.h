#pragma once
#include <camber/optim.h>
#include <camber/train.h>

#include <vector>

namespace camber {

/// What the optimizer steps at which rate. Each of the encoder's stages and the rest of the network make two groups:
/// weights, which decay, and biases and batch normalisations, which do not. A last group is frozen.
struct ParameterGroups {
    std::vector<ParameterGroup> groups;
    std::vector<ParameterRange> ranges;
};

/// From the model's config: weight_decay, encoder_lr; frozen is what has Parameter::trainable false. Throws UsageError
/// when encoder_lr does not suit the network's encoder.
ParameterGroups parameter_groups(const Model& model);

}  // namespace camber
