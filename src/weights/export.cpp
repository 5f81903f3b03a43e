#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <algorithm>

#include "io/hdf5_writer.h"
#include "weights/keras_layers.h"
#include "weights/name_map.h"
#include "weights/targets.h"

namespace camber {
namespace {

/// A target's elements as a convention lays them out, on the host.
struct Exported {
    std::vector<std::int64_t> shape;
    Tensor elements;
};

/// `to_bgr`: the convolution whose input channels are turned round, back to those of the original.
Exported exported(const std::string& name, const Target& target, Convention convention, const std::string& to_bgr) {
    const Tensor& held = target.parameter->tensor;
    const Tensor ours = name == to_bgr ? with_reversed_last_axis(held) : held.to(Device::cpu);
    Layout layout = target_layout(name, target, convention);
    if (layout.to_camber.identity()) return {std::move(layout.shape), ours};
    Tensor theirs = Tensor::empty(ours.shape(), Dtype::f32, Device::cpu);
    transpose(layout.to_camber.inverse(), ours.data<float>(), theirs.data<float>());
    return {std::move(layout.shape), theirs};
}

// ---- Keras

void check_is_of_keras(const nets::Net& net, const std::string& file) {
    if (net.original().library == nets::Library::keras) return;
    // One that another value of an option would make Keras's: --style keras.
    for (const nets::NetOption& option : nets::net_info(net.name()).options) {
        for (const std::string& choice : option.choices) {
            nlohmann::json options = net.options();
            options[option.name] = choice;
            if (nets::make_net(net.name(), options)->original().library != nets::Library::keras) continue;
            fail_usage(
                "cannot write {}: this {} has --{} {}, so its weights go into .safetensors; .h5 is for those trained "
                "with --{} {}",
                file, net.name(), option.name, net.options().at(option.name).get<std::string>(), option.name, choice);
        }
    }
    std::vector<std::string> of_keras;
    for (const nets::NetInfo& info : nets::net_list()) {
        if (info.make(nlohmann::json::object())->original().library == nets::Library::keras)
            of_keras.push_back(info.name);
    }
    fail_usage(
        "cannot write {}: the original of {} is PyTorch's, so its weights go into .safetensors; .h5 is for {}, "
        "as they are by default",
        file, net.name(), fmt::join(of_keras, ", "));
}

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

std::vector<NamedTensor> export_weights(nn::Module& network, bool bgr_input) {
    const Targets targets = targets_of(network);
    const NameMap* version = names_of_version(network);
    const std::string to_bgr = bgr_input ? first_convolution(targets) : "";
    std::vector<NamedTensor> list;
    for (const std::string& name : targets.names) {
        const auto [s, elements] = exported(name, targets.by_name.at(name), Convention::pytorch, to_bgr);
        const Shape shape = s.size() == 4   ? Shape{s[0], s[1], s[2], s[3]}
                            : s.size() == 2 ? Shape{s[0], s[1]}
                                            : elements.shape();
        list.push_back({version ? original_name(*version, name) : name, elements.view(shape)});
    }
    return list;
}

std::size_t export_keras(nets::Net& net, const std::filesystem::path& file, const std::string& note) {
    check_is_of_keras(net, file.string());
    const Targets targets = targets_of(net);
    const bool bgr = net.preprocessing().order == nets::ChannelOrder::bgr;
    const std::string to_bgr = bgr ? first_convolution(targets) : "";
    const bool named = net.original().names_layers, keras3 = file.string().ends_with(".weights.h5");
    Hdf5Writer out(file);
    std::vector<std::string> names;
    std::size_t written = 0;
    for (const KerasLayer& layer : keras_layers(targets)) {
        const std::string& name = names.emplace_back(named ? layer.path : layer.unnamed);
        // Keras 3 finds a layer by its kind and number, and its variables by their order.
        const std::string group = keras3 ? "layers/" + layer.unnamed + "/vars" : name;
        out.group(group);
        std::vector<std::string> variables;
        for (const std::string& parameter : layer.parameters) {
            const Target& target = targets.by_name.at(parameter);
            const bool batch_norm = dynamic_cast<const nn::BatchNorm2d*>(target.layer) != nullptr;
            variables.push_back(keras3 ? std::to_string(variables.size())
                                       : name + "/" + keras_variable(target.leaf, batch_norm) + ":0");
            const auto [shape, elements] = exported(parameter, target, Convention::keras, to_bgr);
            out.floats(group + "/" + variables.back(), shape, elements.data<float>());
            ++written;
        }
        if (keras3) {
            out.text(group, "name", name);
        } else {
            out.texts(group, "weight_names", variables);
        }
    }
    if (!keras3) {
        out.texts("", "layer_names", names);
        // Of Keras's own: without them it takes the file for one of Keras 1 and turns kernels round.
        out.text("", "backend", "tensorflow");
        out.text("", "keras_version", "2.15.0");
    }
    constexpr std::size_t longest_note = 60'000;  // an attribute's bound is 64 KiB
    if (!note.empty() && note.size() <= longest_note) out.text("", "camber", note);
    out.commit();
    return written;
}

}  // namespace camber
