#include "weights/keras_config.h"

#include <camber/error.h>
#include <camber/layers.h>

#include <set>

#include "io/keras_model.h"

namespace camber {
namespace {

using nlohmann::json;

json pair(std::int64_t first, std::int64_t second) { return json::array({first, second}); }

/// Of a graph for any size, whose extents are those of one: none. VGG's flattening takes one alone.
bool is_of_one_size(const LayerGraph& graph) {
    for (const GraphLayer& layer : graph.layers)
        if (layer.type == "Flatten") return true;
    return false;
}

class Config {
  public:
    Config(const LayerGraph& graph, const std::map<std::string, std::string>& names)
        : graph_(graph), given_(names), one_size_(is_of_one_size(graph)) {
        for (const auto& [path, name] : names) taken_.insert(name);
    }

    json run() {
        json layers = json::array();
        for (std::size_t i = 0; i < graph_.layers.size(); ++i) {
            names_.push_back(name_of(graph_.layers[i]));
            layers.push_back(layer(i));
        }
        const json input = {names_.front(), 0, 0}, output = {names_.back(), 0, 0};
        const json config = {{"name", graph_.net->name()},
                             {"trainable", true},
                             {"layers", layers},
                             {"input_layers", json::array({input})},
                             {"output_layers", json::array({output})}};
        return {{"module", "keras.src.models.functional"},
                {"class_name", "Functional"},
                {"config", config},
                {"registered_name", "Functional"}};
    }

  private:
    std::string name_of(const GraphLayer& layer) {
        if (const auto found = given_.find(layer.path); !layer.path.empty() && found != given_.end())
            return found->second;
        std::string name = layer.type == "InputLayer" ? "image" : numbers_.next(layer.type);
        while (!taken_.insert(name).second) name = numbers_.next(layer.type);
        return name;
    }

    /// Extents of what a layer gives, as far as they are the same for every picture.
    json shape(const GraphLayer& layer) const {
        const Shape& s = layer.output;
        if (is_flat(layer)) return json::array({nullptr, s[3]});
        if (one_size_) return json::array({nullptr, s[1], s[2], s[3]});
        return json::array({nullptr, nullptr, nullptr, s[3]});
    }
    /// What Keras has as [N, C].
    bool is_flat(const GraphLayer& layer) const {
        if (layer.type == "GlobalAveragePooling2D" || layer.type == "Flatten" || layer.type == "Dense") return true;
        return (layer.type == "Activation" || layer.type == "Dropout") && is_flat(graph_.layers[layer.inputs[0]]);
    }

    json layer(std::size_t i) const {
        const GraphLayer& l = graph_.layers[i];
        json tensors = json::array(), inbound = json::array(), config = settings(l);
        for (const std::size_t input : l.inputs) {
            const json place = {names_[input], 0, 0};
            tensors.push_back(
                {{"class_name", "__keras_tensor__"},
                 {"config", {{"shape", shape(graph_.layers[input])}, {"dtype", "float32"}, {"keras_history", place}}}});
        }
        if (!l.inputs.empty()) {
            const bool list = l.type == "Add" || l.type == "Concatenate";
            inbound.push_back({{"args", list ? json::array({tensors}) : tensors}, {"kwargs", json::object()}});
        }
        config["name"] = names_[i];
        config["dtype"] = "float32";
        if (l.type != "InputLayer") config["trainable"] = true;
        return {{"module", "keras.layers"},   {"class_name", l.type}, {"config", config},
                {"registered_name", nullptr}, {"name", names_[i]},    {"inbound_nodes", inbound}};
    }

    json settings(const GraphLayer& l) const {
        if (l.type == "InputLayer") return {{"batch_shape", shape(l)}, {"sparse", false}};
        if (const auto* conv = dynamic_cast<const nn::Conv2d*>(l.module)) {
            const nn::Conv2dOptions& o = conv->options();
            const auto& p = std::get<Conv2dParams>(l.settings);
            if (o.padding && p.padding != Padding{}) unknown(l);
            return {{"filters", o.out},
                    {"kernel_size", pair(o.kernel_h, o.kernel_w)},
                    {"strides", pair(p.stride_h, p.stride_w)},
                    {"padding", o.padding ? "valid" : "same"},
                    {"dilation_rate", pair(p.dilation_h, p.dilation_w)},
                    {"data_format", "channels_last"},
                    {"activation", "linear"},
                    {"use_bias", o.bias}};
        }
        if (const auto* up = dynamic_cast<const nn::ConvTranspose2d*>(l.module)) {
            const nn::ConvTranspose2dOptions& o = up->options();
            if (o.crop) unknown(l);
            return {{"filters", o.out},
                    {"kernel_size", pair(o.kernel_h, o.kernel_w)},
                    {"strides", pair(o.stride, o.stride)},
                    {"padding", "same"},
                    {"data_format", "channels_last"},
                    {"activation", "linear"},
                    {"use_bias", o.bias}};
        }
        if (const auto* dense = dynamic_cast<const nn::Linear*>(l.module))
            return {{"units", l.output[3]}, {"activation", "linear"}, {"use_bias", dense->bias != nullptr}};
        if (l.type == "BatchNormalization") {
            const auto& p = std::get<BatchNormParams>(l.settings);
            const auto& norm = dynamic_cast<const nn::BatchNorm2d&>(*l.module);
            bool scaled = false;
            for (const auto& [name, parameter] : norm.named_parameters()) scaled = scaled || name == "weight";
            return {
                {"axis", -1}, {"momentum", 1 - p.momentum}, {"epsilon", p.eps}, {"center", true}, {"scale", scaled}};
        }
        if (l.type == "Activation") {
            const bool softmax = dynamic_cast<const nn::Softmax*>(l.module) != nullptr;
            return {{"activation", softmax ? "softmax" : "relu"}};
        }
        if (l.type == "MaxPooling2D" || l.type == "AveragePooling2D") {
            const auto& p = std::get<Pool2dParams>(l.settings);
            if (p.padding != Padding{}) unknown(l);
            return {{"pool_size", pair(p.kernel_h, p.kernel_w)},
                    {"strides", pair(p.stride_h, p.stride_w)},
                    {"padding", "valid"},
                    {"data_format", "channels_last"}};
        }
        if (l.type == "UpSampling2D" && std::get<ResizeMode>(l.settings) == ResizeMode::nearest) {
            const Shape& from = graph_.layers[l.inputs[0]].output;
            return {{"size", pair(l.output[1] / from[1], l.output[2] / from[2])},
                    {"interpolation", "nearest"},
                    {"data_format", "channels_last"}};
        }
        if (l.type == "ZeroPadding2D") {
            const auto& p = std::get<Padding>(l.settings);
            return {{"padding", json::array({pair(p.top, p.bottom), pair(p.left, p.right)})},
                    {"data_format", "channels_last"}};
        }
        if (const auto* dropout = dynamic_cast<const nn::Dropout*>(l.module)) return {{"rate", dropout->rate()}};
        if (l.type == "Concatenate") return {{"axis", -1}};
        if (l.type == "Add" || l.type == "Flatten") return json::object();
        if (l.type == "GlobalAveragePooling2D") return {{"data_format", "channels_last"}, {"keepdims", false}};
        unknown(l);
    }

    [[noreturn]] void unknown(const GraphLayer& layer) const {
        fail("{}: a layer of type {} as it is here cannot be said to Keras", graph_.net->name(), layer.type);
    }

    const LayerGraph& graph_;
    const std::map<std::string, std::string>& given_;
    const bool one_size_;
    std::vector<std::string> names_;  ///< of the layers so far
    std::set<std::string> taken_;
    KerasGroupNames numbers_;
};

}  // namespace

json keras_config(const LayerGraph& graph, const std::map<std::string, std::string>& names) {
    return Config(graph, names).run();
}

}  // namespace camber
