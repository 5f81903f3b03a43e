// A network of Keras's in its files: weights alone in HDF5, or a whole model.
#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <algorithm>

#include "io/hdf5_writer.h"
#include "io/zip_writer.h"
#include "weights/exported_weights.h"
#include "weights/keras_config.h"
#include "weights/keras_layers.h"
#include "weights/name_map.h"

namespace camber {
namespace {

std::string layer_name(const nets::Net& net, const KerasLayer& layer) {
    return net.original().names_layers ? layer.path : layer.unnamed;
}

void check_is_of_keras(const nets::Net& net, const std::string& file) {
    if (net.original().library == nets::Library::keras) return;
    // One that another value of an option would make Keras's: --style keras.
    for (const nets::NetOption& option : nets::net_info(net.name()).options) {
        for (const std::string& choice : option.choices) {
            nlohmann::json options = net.options();
            options[option.name] = choice;
            if (nets::make_net(net.name(), options)->original().library != nets::Library::keras) continue;
            fail_usage(
                "cannot write {}: this {} has --{} {}, so its weights go into .safetensors, .pth or .onnx; .h5 is for "
                "those trained "
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
        "cannot write {}: the original of {} is PyTorch's, so its weights go into .safetensors, .pth or .onnx; .h5 is "
        "for {}, "
        "as they are by default",
        file, net.name(), fmt::join(of_keras, ", "));
}

constexpr const char* version = "3.0.0";  // of Keras, from which on .keras archives are as they are written here

/// How Keras's files call a layer and its variables.
enum class Scheme { keras2, keras3 };

/// The weights in HDF5, in Keras's order, layouts and order of colours; returns how many there are.
std::size_t put_weights(Hdf5Writer& out, nets::Net& net, Scheme scheme, const std::string& note) {
    const Targets targets = targets_of(net);
    const bool bgr = net.preprocessing().order == nets::ChannelOrder::bgr, keras3 = scheme == Scheme::keras3;
    const std::string to_bgr = bgr ? first_convolution(targets) : "";
    std::vector<std::string> names;
    std::size_t written = 0;
    for (const KerasLayer& layer : keras_layers(targets)) {
        const std::string& name = names.emplace_back(layer_name(net, layer));
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
    return written;
}

/// A model of its layers and weights.
std::size_t put_model(nets::Net& net, const std::filesystem::path& file, const std::string& note) {
    const int size = some_size(net);
    std::map<std::string, std::string> names;
    for (const KerasLayer& layer : keras_layers(targets_of(net))) names.emplace(layer.path, layer_name(net, layer));
    const nlohmann::json config = keras_config(layer_graph(net, size, size), names);
    Hdf5Writer weights(file);
    const std::size_t written = put_weights(weights, net, Scheme::keras3, note);
    ZipWriter archive(file);
    archive.add("metadata.json", nlohmann::json{{"keras_version", version}}.dump());
    archive.add("config.json", config.dump());
    archive.add("model.weights.h5", weights.finish());
    archive.commit();
    return written;
}

}  // namespace

std::size_t export_keras(nets::Net& net, const std::filesystem::path& file, const std::string& note) {
    check_is_of_keras(net, file.string());
    if (file.extension() == ".keras") return put_model(net, file, note);
    Hdf5Writer out(file);
    const bool keras3 = file.string().ends_with(".weights.h5");
    const std::size_t written = put_weights(out, net, keras3 ? Scheme::keras3 : Scheme::keras2, note);
    out.commit();
    return written;
}

}  // namespace camber
