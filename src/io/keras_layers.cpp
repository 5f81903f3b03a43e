#include "io/keras_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace camber {
namespace {

std::string kind_of(const nn::Module* layer) {
    return dynamic_cast<const nn::BatchNorm2d*>(layer)       ? "batch_normalization"
           : dynamic_cast<const nn::ConvTranspose2d*>(layer) ? "conv2d_transpose"
           : dynamic_cast<const nn::Linear*>(layer)          ? "dense"
                                                             : "conv2d";
}

}  // namespace

std::vector<KerasLayer> keras_layers(const Targets& targets) {
    std::vector<KerasLayer> layers;
    std::map<std::string, std::size_t> index;
    for (const std::string& name : targets.names) {
        const std::string& path = targets.by_name.at(name).path;
        const auto [place, is_new] = index.emplace(path, layers.size());
        if (is_new) layers.push_back({path, {}, {}});
        layers[place->second].parameters.push_back(name);
    }
    // By their distance from the output: a residual unit's shortcut (..._sc) is as far from it as the second
    // convolution.
    for (auto layer = layers.begin(); layer != layers.end(); ++layer) {
        if (!layer->path.ends_with("_sc")) continue;
        const std::string last = layer->path.substr(0, layer->path.size() - 2) + "conv2";
        const auto conv =
            std::find_if(layer, layers.end(), [&](const KerasLayer& other) { return other.path == last; });
        if (conv != layers.end()) std::rotate(layer, layer + 1, conv + 1);
    }
    std::map<std::string, int> counts;
    for (KerasLayer& layer : layers) {
        const std::string kind = kind_of(targets.by_name.at(layer.parameters.front()).layer);
        const int before = counts[kind]++;
        layer.unnamed = before == 0 ? kind : fmt::format("{}_{}", kind, before);
    }
    return layers;
}

}  // namespace camber
