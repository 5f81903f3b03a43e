#include "io/keras_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>

namespace camber {
namespace {

constexpr std::string_view kinds[] = {"conv2d", "conv2d_transpose", "batch_normalization", "dense"};

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

UnnamedLayer unnamed_layer(const std::string& name) {
    const auto is_kind = [](std::string_view text) {
        return std::find(std::begin(kinds), std::end(kinds), text) != std::end(kinds);
    };
    if (is_kind(name)) return {name, 0};
    const std::size_t line = name.rfind('_');
    if (line == std::string::npos || !is_kind(std::string_view(name).substr(0, line))) return {};
    std::uint64_t number = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + line + 1, end, number);
    if (error != std::errc() || stop != end) return {};
    return {name.substr(0, line), number};
}

}  // namespace camber
