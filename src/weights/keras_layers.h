#pragma once
#include <map>
#include <string>
#include <vector>

#include "weights/targets.h"

namespace camber {

/// A layer with weights as Keras has it.
struct KerasLayer {
    std::string path;                     ///< ours
    std::string unnamed;                  ///< what Keras calls it when it was given no name: conv2d, conv2d_1, ...
    std::vector<std::string> parameters;  ///< our names, in the order of Keras's variables
};

/// In the order of Keras's model.layers, which is how it finds their weights again.
std::vector<KerasLayer> keras_layers(const Targets& targets);

/// Our paths of a file's layers that were given no name, by the names that Keras numbered them with: the first of a
/// kind in the file is the network's first of it, whatever its number, which counts on over all models of a session.
/// Into a network whose original names no layers, so go those of a kind of which some have names of their maker's, in
/// the order of the model.
std::map<std::string, std::string> nameless_layers(const WeightFile& file, const Targets& targets);

/// Of which kinds of layers with weights a Keras file has another number than the network: "13 conv2d, not 11". Empty
/// where it has as many, or does not say kinds.
std::string other_kinds(const WeightFile& file, const Targets& targets);

/// Whether some layers of a Keras file have names of their maker's, in the place of those that Keras makes up: into a
/// network whose original names no layers.
bool has_own_names(const WeightFile& file, const Targets& targets);

}  // namespace camber
