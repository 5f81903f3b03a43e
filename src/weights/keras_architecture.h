#pragma once
#include <camber/nets.h>
#include <camber/weights.h>

#include <map>
#include <string>

/// Whether the layers between a Keras file's weights are those of one of our networks: what activations there are, what
/// follows what, strides, padding, epsilons. The same weights under other layers are another network.
namespace camber {

/// `layers`: our module's path of each of the file's layers with weights that is filled. Compares the settings of each,
/// and all that is between it and those before it; with `whole`, also what the model gives. Does nothing where the file
/// does not say. Throws Error naming the first layer that differs, and what the network has in its place.
void check_keras_architecture(const WeightFile& file, const nets::Net& net,
                              const std::map<std::string, std::string>& layers, bool whole);

/// What is taken to be between the weights of a file that does not say it: "Conv2D, BatchNormalization (epsilon 0.001),
/// relu, ..., MaxPooling2D 2x2".
std::string keras_architecture_text(const nets::Net& net);

}  // namespace camber
