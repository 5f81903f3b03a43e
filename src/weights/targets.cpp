#include "weights/targets.h"

#include <camber/layers.h>
#include <camber/nets.h>

#include <algorithm>

#include "weights/name_map.h"

namespace camber {
namespace {

Role role_of(const nn::Module* layer, const std::string& leaf) {
    if (leaf != "weight") return Role::other;
    if (dynamic_cast<const nn::Conv2d*>(layer)) return Role::conv;
    if (dynamic_cast<const nn::ConvTranspose2d*>(layer)) return Role::conv_transpose;
    if (dynamic_cast<const nn::Linear*>(layer)) return Role::linear;
    return Role::other;
}

}  // namespace

Targets targets_of(nn::Module& network) {
    std::map<std::string, nn::Module*> layers;
    for (const auto& [path, module] : network.named_modules()) layers.emplace(path, module);
    Targets targets;
    std::vector<std::string> training_paths;
    if (const auto* net = dynamic_cast<const nets::Net*>(&network)) {
        targets.net = net->name();
        targets.names_layers = net->original().names_layers;
        training_paths = net->training_paths();
    }
    for (const auto& list : {network.named_parameters(), network.named_buffers()}) {
        for (const nn::NamedParameter& named : list) {
            const std::size_t dot = named.name.rfind('.');
            Target& target = targets.by_name[named.name];
            target.parameter = named.parameter;
            target.path = dot == std::string::npos ? "" : named.name.substr(0, dot);
            target.leaf = named.name.substr(dot == std::string::npos ? 0 : dot + 1);
            const auto layer = layers.find(target.path);
            target.layer = layer == layers.end() ? nullptr : layer->second;
            target.role = role_of(target.layer, target.leaf);
            target.for_training = is_below(named.name, training_paths);
            targets.names.push_back(named.name);
        }
    }
    return targets;
}

bool is_below(const std::string& name, const std::vector<std::string>& paths) {
    return std::any_of(paths.begin(), paths.end(),
                       [&](const std::string& path) { return name.starts_with(path + "."); });
}

void want_only(Targets& targets, const std::vector<std::string>& paths) {
    for (auto& [name, target] : targets.by_name) target.wanted = is_below(name, paths);
}

Layout target_layout(const std::string& name, const Target& target, Convention convention) {
    const Shape& shape = target.parameter->tensor.shape();
    Role role = target.role;
    const std::int64_t pixels = role == Role::linear ? flattened_pixels(name, shape) : 0;
    if (pixels > 0) role = Role::linear_after_flatten;
    return layout_of(role, shape, convention, std::max<std::int64_t>(pixels, 1));
}

std::string first_convolution(const Targets& targets) {
    for (const std::string& name : targets.names) {
        if (targets.by_name.at(name).role == Role::conv) return name;
    }
    return {};
}

Tensor with_reversed_last_axis(const Tensor& tensor) {
    std::vector<float> values = tensor.to_vector<float>();
    const auto extent = tensor.shape().back();
    for (auto row = values.begin(); row != values.end(); row += extent) std::reverse(row, row + extent);
    return Tensor::from(values, tensor.shape(), Device::cpu);
}

}  // namespace camber
