#include "weights/keras_layers.h"

#include <camber/layers.h>

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

/// "conv2d_7" as its kind and number, "conv2d" as number 0; a number of -1 where it is no such name.
std::pair<std::string, std::int64_t> numbered(const std::string& layer) {
    constexpr std::size_t most_digits = 9;
    const std::size_t stem = layer.find_last_not_of("0123456789") + 1;
    const bool with_number = stem < layer.size() && stem > 0 && layer[stem - 1] == '_';
    if (!with_number) return {layer, 0};
    if (layer.size() - stem > most_digits) return {layer, -1};
    return {layer.substr(0, stem - 1), std::stoll(layer.substr(stem))};
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

std::map<std::string, std::string> nameless_layers(const WeightFile& file, const Targets& targets) {
    std::map<std::string, std::vector<std::string>> ours;
    std::map<std::string, std::map<std::int64_t, std::string>> theirs;  // by kind, in the order of numbers
    for (const KerasLayer& layer : keras_layers(targets)) ours[numbered(layer.unnamed).first].push_back(layer.path);
    for (const WeightEntry& entry : file.entries()) {
        const std::string layer = entry.name.substr(0, entry.name.find('/'));
        const auto [kind, number] = numbered(layer);
        if (number >= 0 && ours.contains(kind)) theirs[kind].emplace(number, layer);
    }
    std::map<std::string, std::string> paths;
    for (const auto& [kind, layers] : theirs) {
        auto path = ours.at(kind).begin();
        for (const auto& [number, layer] : layers) {
            if (path == ours.at(kind).end()) break;
            paths.emplace(layer, *path++);
        }
    }
    return paths;
}

}  // namespace camber
