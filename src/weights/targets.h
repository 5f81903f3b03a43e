#pragma once
#include <camber/module.h>

#include <map>
#include <string>
#include <vector>

#include "weights/layout.h"

namespace camber {

/// A parameter or running statistic of a network, as weights go in and out.
struct Target {
    nn::Parameter* parameter = nullptr;
    const nn::Module* layer = nullptr;
    std::string path, leaf;  ///< the layer's, and "weight", "bias", "running_mean" or "running_var"
    Role role = Role::other;
    bool wanted = true;         ///< false: outside the encoder that is imported
    bool for_training = false;  ///< below one of Net::training_paths()
};

/// Names in the network's own order: parameters, then running statistics.
struct Targets {
    std::vector<std::string> names;
    std::map<std::string, Target> by_name;
    std::string net;           ///< the network's name; empty of a module that is none
    bool names_layers = true;  ///< whether the network's original names them: see nets::Original
};

Targets targets_of(nn::Module& network);

/// Whether a name is below one of these modules.
bool is_below(const std::string& name, const std::vector<std::string>& paths);

/// Leaves those below the modules `paths` wanted, and no others.
void want_only(Targets& targets, const std::vector<std::string>& paths);

/// Layout of a target's weights, PyTorch's flattening included.
Layout target_layout(const std::string& name, const Target& target, Convention convention);

/// The convolution that sees the image: the first one. Empty where there is none.
std::string first_convolution(const Targets& targets);

/// A copy, on the host, whose last axis runs the other way: of a first convolution, one that takes BGR for RGB.
Tensor with_reversed_last_axis(const Tensor& tensor);

}  // namespace camber
