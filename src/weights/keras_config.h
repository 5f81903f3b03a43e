#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "weights/layer_graph.h"

namespace camber {

/// What Keras 3 says of a model in a .keras archive (config.json), from which it builds the model again. `names`: those
/// of layers with weights, by our paths; the others are numbered by their class. Throws Error for a layer that Keras
/// has not.
nlohmann::json keras_config(const LayerGraph& graph, const std::map<std::string, std::string>& names);

}  // namespace camber
