#include <camber/import.h>
#include <camber/nets.h>

#include <algorithm>

#include "io/hdf5_writer.h"
#include "io/name_map.h"
#include "io/targets.h"

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

struct KerasLayer {
    std::string path, name;
    std::vector<std::string> parameters;  ///< our names, in the order of Keras's variables
};

constexpr std::string_view of_keras[] = {"unet", "unet-resnet34", "unet-vgg16", "keras-resnet34", "keras-vgg16"};

void check_is_of_keras(const nets::Net& net, const std::string& file) {
    const std::string_view name = net.name();
    if (std::find(std::begin(of_keras), std::end(of_keras), name) == std::end(of_keras)) {
        fail_usage(
            "cannot write {}: the original of {} is PyTorch's, so its weights go into .safetensors; .h5 is for {}",
            file, name, fmt::join(of_keras, ", "));
    }
    if (name == "unet" && net.options().at("style") != "keras") {
        fail_usage("cannot write {}: a unet of style pytorch; its weights go into .safetensors", file);
    }
}

/// What Keras calls a layer that was given no name: its kind, numbered from the second one on.
std::string unnamed(const nn::Module* layer, std::map<std::string, int>& counts) {
    const std::string kind = dynamic_cast<const nn::BatchNorm2d*>(layer)       ? "batch_normalization"
                             : dynamic_cast<const nn::ConvTranspose2d*>(layer) ? "conv2d_transpose"
                                                                               : "conv2d";
    const int before = counts[kind]++;
    return before == 0 ? kind : fmt::format("{}_{}", kind, before);
}

/// The layers with weights in the order of Keras's model.layers, which is how it finds their weights again.
std::vector<KerasLayer> keras_layers(nets::Net& net, const Targets& targets) {
    std::vector<KerasLayer> layers;
    std::map<std::string, std::size_t> index;
    for (const auto& [path, module] : net.named_modules()) {
        index[path] = layers.size();
        layers.push_back({path, {}, {}});
    }
    for (const std::string& name : targets.names) {
        layers[index.at(targets.by_name.at(name).path)].parameters.push_back(name);
    }
    std::erase_if(layers, [](const KerasLayer& layer) { return layer.parameters.empty(); });
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
        const Target& first = targets.by_name.at(layer.parameters.front());
        layer.name = std::string_view(net.name()) == "unet" ? unnamed(first.layer, counts) : layer.path;
    }
    return layers;
}

}  // namespace

std::vector<NamedTensor> export_weights(nn::Module& network, bool bgr_input) {
    const Targets targets = targets_of(network);
    const std::string to_bgr = bgr_input ? first_convolution(targets) : "";
    std::vector<NamedTensor> list;
    for (const std::string& name : targets.names) {
        const auto [s, elements] = exported(name, targets.by_name.at(name), Convention::pytorch, to_bgr);
        const Shape shape = s.size() == 4   ? Shape{s[0], s[1], s[2], s[3]}
                            : s.size() == 2 ? Shape{s[0], s[1]}
                                            : elements.shape();
        list.push_back({name, elements.view(shape)});
    }
    return list;
}

std::size_t export_keras(nets::Net& net, const std::filesystem::path& file) {
    check_is_of_keras(net, file.string());
    const Targets targets = targets_of(net);
    const bool bgr = net.preprocessing().order == nets::ChannelOrder::bgr;
    const std::string to_bgr = bgr ? first_convolution(targets) : "";
    const std::vector<KerasLayer> layers = keras_layers(net, targets);
    Hdf5Writer out(file);
    std::vector<std::string> names;
    std::size_t written = 0;
    for (const KerasLayer& layer : layers) {
        names.push_back(layer.name);
        out.group(layer.name);
        std::vector<std::string> variables;
        for (const std::string& name : layer.parameters) {
            const Target& target = targets.by_name.at(name);
            const bool batch_norm = dynamic_cast<const nn::BatchNorm2d*>(target.layer) != nullptr;
            variables.push_back(layer.name + "/" + keras_variable(target.leaf, batch_norm) + ":0");
            const auto [shape, elements] = exported(name, target, Convention::keras, to_bgr);
            out.floats(layer.name + "/" + variables.back(), shape, elements.data<float>());
            ++written;
        }
        out.texts(layer.name, "weight_names", variables);
    }
    out.texts("", "layer_names", names);
    // Of Keras's own: without them it takes the file for one of Keras 1 and turns kernels round.
    out.text("", "backend", "tensorflow");
    out.text("", "keras_version", "2.15.0");
    out.commit();
    return written;
}

}  // namespace camber
