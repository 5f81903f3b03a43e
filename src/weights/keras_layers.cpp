#include "weights/keras_layers.h"

#include <camber/layers.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

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

/// A layer's class as far as its variables tell it, where the file does not: windows of 2x2 double a decoder's size.
std::string kind_by_shapes(const WeightFile& file, const std::string& layer) {
    const WeightEntry* kernel = file.find(layer + "/kernel");
    if (!kernel) return file.find(layer + "/moving_mean") ? "batch_normalization" : "";
    if (kernel->shape.size() == 2) return "dense";
    const bool of_two = kernel->shape.size() == 4 && kernel->shape[0] == 2 && kernel->shape[1] == 2;
    return of_two ? "conv2d_transpose" : "conv2d";
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

bool has_own_names(const WeightFile& file, const Targets& targets) {
    std::set<std::string> kinds;
    for (const KerasLayer& layer : keras_layers(targets)) kinds.insert(numbered(layer.unnamed).first);
    return !targets.names_layers &&
           std::any_of(file.layers().begin(), file.layers().end(), [&](const WeightFile::Layer& layer) {
               const auto [kind, number] = numbered(layer.name);
               return number < 0 || !kinds.contains(kind);
           });
}

std::string other_kinds(const WeightFile& file, const Targets& targets) {
    std::map<std::string, std::pair<int, int>> counts;  // theirs and ours
    for (const KerasLayer& layer : keras_layers(targets)) ++counts[numbered(layer.unnamed).first].second;
    for (const WeightFile::Layer& layer : file.layers()) {
        if (layer.kind.empty()) return {};
        ++counts[layer.kind].first;
    }
    std::vector<std::string> texts;
    for (const auto& [kind, count] : counts) {
        if (count.first != count.second) texts.push_back(fmt::format("{} {}, not {}", count.first, kind, count.second));
    }
    return fmt::format("{}", fmt::join(texts, "; "));
}

std::map<std::string, std::string> nameless_layers(const WeightFile& file, const Targets& targets) {
    std::map<std::string, std::vector<std::string>> ours, theirs;  // by kind, in order
    for (const KerasLayer& layer : keras_layers(targets)) ours[numbered(layer.unnamed).first].push_back(layer.path);
    std::map<std::string, std::map<std::int64_t, std::string>> by_number;
    std::set<std::string> named;  // kinds of which some layers have names of their maker's
    for (const WeightFile::Layer& layer : file.layers()) {
        const auto [kind, number] = numbered(layer.name);
        if (number >= 0 && ours.contains(kind)) by_number[kind].emplace(number, layer.name);
        if (targets.names_layers) continue;
        const bool nameless = number >= 0 && ours.contains(kind);
        const std::string told = nameless ? kind : layer.kind.empty() ? kind_by_shapes(file, layer.name) : layer.kind;
        if (!ours.contains(told)) continue;
        theirs[told].push_back(layer.name);
        if (!nameless) named.insert(told);
    }
    std::map<std::string, std::string> paths;
    for (const auto& [kind, layers] : ours) {
        std::vector<std::string> list;
        if (named.contains(kind)) {
            list = theirs[kind];
        } else {
            for (const auto& [number, layer] : by_number[kind]) list.push_back(layer);
        }
        for (std::size_t i = 0; i < std::min(list.size(), layers.size()); ++i) paths.emplace(list[i], layers[i]);
    }
    return paths;
}

}  // namespace camber
