#include <camber/import.h>
#include <camber/nets.h>

#include <algorithm>

#include "weights/exported_weights.h"
#include "weights/name_map.h"
#include "weights/targets.h"

namespace camber {
namespace {

/// The names that imply options of the network which are not its defaults; null where its own are the original's.
const NameMap* names_of_version(const nn::Module& network) {
    const auto* net = dynamic_cast<const nets::Net*>(&network);
    if (!net) return nullptr;
    const nlohmann::json options = net->options();
    const std::vector<nets::NetOption>& defaults = nets::net_info(net->name()).options;
    const auto is_chosen = [&](const std::string& name, const nlohmann::json& value) {
        return std::any_of(defaults.begin(), defaults.end(), [&](const nets::NetOption& option) {
            return option.name == name && option.value != value && options.at(name) == value;
        });
    };
    for (const NameSource* source : name_sources()) {
        for (const NameMap& map : source->maps) {
            const auto implied = nlohmann::json::parse(map.options);
            bool all = !implied.empty();
            for (const auto& [name, value] : implied.items()) all = all && is_chosen(name, value);
            if (all) return &map;
        }
    }
    return nullptr;
}

}  // namespace

Exported exported(const std::string& name, const Target& target, Convention convention, const std::string& to_bgr) {
    const Tensor& held = target.parameter->tensor;
    const Tensor ours = name == to_bgr ? with_reversed_last_axis(held) : held.to(Device::cpu);
    Layout layout = target_layout(name, target, convention);
    if (layout.to_camber.identity()) return {std::move(layout.shape), ours};
    Tensor theirs = Tensor::empty(ours.shape(), Dtype::f32, Device::cpu);
    transpose(layout.to_camber.inverse(), ours.data<float>(), theirs.data<float>());
    return {std::move(layout.shape), theirs};
}

std::vector<ExportedWeight> exported_weights(nn::Module& network, bool bgr_input) {
    const Targets targets = targets_of(network);
    const NameMap* version = names_of_version(network);
    const std::string to_bgr = bgr_input ? first_convolution(targets) : "";
    std::vector<ExportedWeight> list;
    for (const std::string& name : targets.names) {
        const auto [s, elements] = exported(name, targets.by_name.at(name), Convention::pytorch, to_bgr);
        const Shape shape = s.size() == 4   ? Shape{s[0], s[1], s[2], s[3]}
                            : s.size() == 2 ? Shape{s[0], s[1]}
                                            : elements.shape();
        list.push_back({name, {version ? original_name(*version, name) : name, elements.view(shape)}});
    }
    return list;
}

std::vector<NamedTensor> export_weights(nn::Module& network, bool bgr_input) {
    std::vector<NamedTensor> list;
    for (ExportedWeight& weight : exported_weights(network, bgr_input)) list.push_back(std::move(weight.tensor));
    return list;
}

}  // namespace camber
