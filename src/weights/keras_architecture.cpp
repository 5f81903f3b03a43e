#include "weights/keras_architecture.h"

#include <camber/autograd.h>
#include <camber/error.h>
#include <camber/layers.h>
#include <camber/summary.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "io/keras_model.h"
#include "io/printable.h"
#include "io/text_file.h"
#include "weights/layer_graph.h"

namespace camber {
namespace {

using nlohmann::json;
using Settings = std::vector<std::pair<std::string, std::string>>;

/// A layer of either side, said alike. What does nothing in inference is left out, and an activation that a layer has
/// of its own is one after it.
struct Step {
    std::string type;   ///< Keras's class; "activation" for all of those
    Settings settings;  ///< that change what it computes
    std::string name;   ///< Keras's of the layer; ours: the module's path, if any
    std::vector<std::size_t> inputs;
    bool has_weights = false;
};

struct Graph {
    std::vector<Step> steps;
    std::vector<std::size_t> outputs;
};

/// "relu", "Conv2D", "MaxPooling2D 2x2".
std::string described(const Step& step) {
    if (step.type == "activation") return step.settings[0].second;
    if (step.type == "InputLayer") return "the input";
    return step.type;
}

bool is_of_weights(const std::string& type) {
    static const std::set<std::string> types = {"Conv2D", "Conv2DTranspose", "BatchNormalization", "Dense"};
    return types.contains(type);
}

std::string by(std::int64_t height, std::int64_t width) { return fmt::format("{}x{}", height, width); }

std::string padding_text(const Padding& p) {
    if (p == Padding{}) return "valid";
    return fmt::format("of {}, {}, {} and {}", p.top, p.bottom, p.left, p.right);
}

// ---- Keras's

/// A pair that Keras may write as one number.
std::string pair_text(const json& config, const char* key, const std::string& otherwise) {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null()) return otherwise;
    if (found->is_number_integer()) return by(found->get<std::int64_t>(), found->get<std::int64_t>());
    const bool two =
        found->is_array() && found->size() == 2 && (*found)[0].is_number_integer() && (*found)[1].is_number_integer();
    return two ? by((*found)[0].get<std::int64_t>(), (*found)[1].get<std::int64_t>()) : shown(*found);
}

std::string word(const json& config, const char* key, const std::string& otherwise) {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null()) return otherwise;
    return found->is_string() ? found->get<std::string>() : shown(*found);
}

double number(const json& config, const char* key, double otherwise) {
    const auto found = config.find(key);
    return found != config.end() && found->is_number() ? found->get<double>() : otherwise;
}

/// "softmax", where it is over the channels.
std::string softmax_name(const json& config) {
    const std::string axis = config.is_object() && config.contains("axis") ? shown(config.at("axis")) : "-1";
    const bool of_channels = axis == "-1" || axis == "3" || axis == "[-1]" || axis == "[3]";
    return of_channels ? "softmax" : "softmax over axis " + axis;
}

/// A function's name, however it is written: "relu", {"class_name": "function", "config": "relu"}, an object of a
/// layer's class.
std::string function_name(const json& value) {
    if (value.is_null()) return "linear";
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object()) {
        const auto type = value.find("class_name");
        if (type == value.end() || *type == "__lambda__") return "a function of its maker's";  // its bytes
        if (const auto config = value.find("config"); config != value.end() && config->is_string())
            return config->get<std::string>();
        if (type != value.end() && *type == "Softmax") return softmax_name(value.value("config", json()));
        if (type != value.end() && type->is_string()) return keras_snake_case(type->get<std::string>());
    }
    return shown(value);
}

/// The zeros or rows of a padding: a number, two, or two of two.
std::string total_padding(const json& config) {
    const auto found = config.find("padding");
    std::int64_t sums[2] = {2, 2};  // Keras's default is 1 on every side
    for (std::size_t axis = 0; found != config.end() && axis < 2; ++axis) {
        const json* value = &*found;
        if (value->is_array() && value->size() == 2) value = &(*value)[axis];
        if (value->is_number_integer()) {
            sums[axis] = 2 * value->get<std::int64_t>();
        } else if (value->is_array() && value->size() == 2 && (*value)[0].is_number_integer() &&
                   (*value)[1].is_number_integer()) {
            sums[axis] = (*value)[0].get<std::int64_t>() + (*value)[1].get<std::int64_t>();
        } else {
            return shown(*found);
        }
    }
    return by(sums[0], sums[1]);
}

/// What a layer of this class is when it runs a trained network: nothing.
bool does_nothing(const std::string& type) {
    static const std::set<std::string> types = {"Dropout",         "SpatialDropout2D", "GaussianNoise",
                                                "GaussianDropout", "AlphaDropout",     "ActivityRegularization",
                                                "Identity"};
    return types.contains(type) || type.starts_with("Random");  // augmentation
}

/// "relu" of the layers that are activations; empty for others.
std::string activation_of(const KerasNode& node) {
    const json& c = node.config;
    if (node.type == "Activation") return function_name(c.contains("activation") ? c["activation"] : json());
    if (node.type == "ReLU") {
        const bool bounded = c.contains("max_value") && !c["max_value"].is_null();
        const double slope = number(c, "negative_slope", 0), threshold = number(c, "threshold", 0);
        if (bounded) return fmt::format("relu of at most {}", shown(c["max_value"]));
        if (slope != 0 || threshold != 0) return fmt::format("relu of slope {} and threshold {}", slope, threshold);
        return "relu";
    }
    if (node.type == "Softmax") return softmax_name(c);
    for (const char* type : {"LeakyReLU", "PReLU", "ELU", "ThresholdedReLU"}) {
        if (node.type == type) return keras_snake_case(type);
    }
    return {};
}

Settings settings_of(const KerasNode& node) {
    const json& c = node.config;
    Settings list;
    const std::string& type = node.type;
    const std::string kernel = pair_text(c, "kernel_size", "?");
    if (type == "Conv2D" || type == "Conv2DTranspose") {
        const std::string strides = pair_text(c, "strides", "1x1");
        // Without anything beside a window, or between two, both paddings are none.
        const bool either = type == "Conv2D" ? kernel == "1x1" : kernel == strides;
        list = {{"strides", strides},
                {"padding", either ? "same" : word(c, "padding", "valid")},
                {"dilation_rate", pair_text(c, "dilation_rate", "1x1")},
                {"groups", c.contains("groups") ? shown(c["groups"]) : "1"}};
        if (type == "Conv2DTranspose") list.push_back({"output_padding", pair_text(c, "output_padding", "none")});
    } else if (type == "BatchNormalization") {
        std::string axis = c.contains("axis") ? shown(c["axis"]) : "-1";
        if (axis == "3" || axis == "[3]" || axis == "[-1]") axis = "-1";
        list = {{"epsilon", fmt::format("{:.4g}", number(c, "epsilon", 1e-3))}, {"axis", axis}};
        return list;
    } else if (type == "MaxPooling2D" || type == "AveragePooling2D") {
        const std::string size = pair_text(c, "pool_size", "2x2"), strides = pair_text(c, "strides", size);
        list = {{"pool_size", size},
                {"strides", strides},
                {"padding", strides == size ? "valid" : word(c, "padding", "valid")}};
    } else if (type == "UpSampling2D") {
        list = {{"size", pair_text(c, "size", "2x2")}, {"interpolation", word(c, "interpolation", "nearest")}};
    } else if (type == "ZeroPadding2D") {
        list = {{"padding", total_padding(c)}};
    } else if (type == "Concatenate") {
        const std::string axis = c.contains("axis") ? shown(c["axis"]) : "-1";
        return {{"axis", axis == "3" ? "-1" : axis}};
    } else {
        return {};
    }
    list.push_back({"data_format", word(c, "data_format", "channels_last")});
    return list;
}

/// Pixels that are divided by 255 inside the model are RGB in [0, 1], which is what --input unit feeds.
bool is_of_unit_pixels(const KerasNode& node) {
    const double scale = number(node.config, "scale", 0), offset = number(node.config, "offset", 0);
    return node.type == "Rescaling" && offset == 0 && std::abs(scale * 255 - 1) < 1e-4;
}

/// Whether that is the first of its layers that does anything.
bool begins_with_unit_pixels(const KerasModel& model) {
    std::set<std::size_t> pixels;  // nodes that are the input as it is
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
        const KerasNode& node = model.nodes[i];
        const bool of_pixels = node.inputs.size() == 1 && pixels.contains(node.inputs[0]);
        if (of_pixels && is_of_unit_pixels(node)) return true;
        if (node.type == "InputLayer" || (of_pixels && does_nothing(node.type))) pixels.insert(i);
    }
    return false;
}

Graph graph_of(const KerasModel& model, const std::set<std::string>& filled) {
    Graph graph;
    std::vector<std::size_t> made;  // of each node, the step that is its output
    const auto add = [&](std::string type, Settings settings, std::string name, std::vector<std::size_t> inputs,
                         bool has_weights) {
        graph.steps.push_back({std::move(type), std::move(settings), std::move(name), std::move(inputs), has_weights});
        return graph.steps.size() - 1;
    };
    for (const KerasNode& node : model.nodes) {
        std::vector<std::size_t> inputs;
        for (const std::size_t input : node.inputs) inputs.push_back(made[input]);
        const std::string activation = activation_of(node);
        const bool of_input = inputs.size() == 1 && graph.steps[inputs[0]].type == "InputLayer";
        if (inputs.size() == 1 &&
            (does_nothing(node.type) || activation == "linear" || (of_input && is_of_unit_pixels(node)))) {
            made.push_back(inputs[0]);
            continue;
        }
        if (!activation.empty()) {
            made.push_back(add("activation", {{"function", activation}}, node.layer, inputs, false));
            continue;
        }
        std::size_t last = add(node.type, settings_of(node), node.layer, inputs,
                               is_of_weights(node.type) && filled.contains(node.layer));
        const std::string own =
            node.config.contains("activation") ? function_name(node.config["activation"]) : "linear";
        if (own != "linear") last = add("activation", {{"function", own}}, node.layer, {last}, false);
        made.push_back(last);
    }
    for (const std::size_t output : model.outputs) graph.outputs.push_back(made[output]);
    return graph;
}

// ---- Camber's

Settings settings_of(const LayerTrace::Layer& layer, const std::vector<LayerTrace::Layer>& all) {
    Settings list;
    if (const auto* conv = dynamic_cast<const nn::Conv2d*>(layer.module)) {
        const nn::Conv2dOptions& o = conv->options();
        const bool of_one = o.kernel_h == 1 && o.kernel_w == 1;
        list = {{"strides", by(o.stride, o.stride)},
                {"padding", of_one || !o.padding   ? "same"
                            : o.padding_is_a_layer ? "valid"
                                                   : padding_text(*o.padding)},
                {"dilation_rate", by(o.dilation, o.dilation)},
                {"groups", "1"}};
    } else if (const auto* up = dynamic_cast<const nn::ConvTranspose2d*>(layer.module)) {
        const nn::ConvTranspose2dOptions& o = up->options();
        const bool either = o.kernel_h == o.stride && o.kernel_w == o.stride;
        list = {{"strides", by(o.stride, o.stride)},
                {"padding", either || !o.crop ? "same" : padding_text(*o.crop)},
                {"dilation_rate", "1x1"},
                {"groups", "1"},
                {"output_padding", "none"}};
    } else if (const auto* norm = dynamic_cast<const nn::BatchNorm2d*>(layer.module)) {
        return {{"epsilon", fmt::format("{:.4g}", norm->params().eps)}, {"axis", "-1"}};
    } else if (layer.type == "MaxPooling2D" || layer.type == "AveragePooling2D") {
        const auto& p = std::get<Pool2dParams>(layer.settings);
        list = {{"pool_size", by(p.kernel_h, p.kernel_w)},
                {"strides", by(p.stride_h, p.stride_w)},
                {"padding", padding_text(p.padding)}};
    } else if (layer.type == "UpSampling2D") {  // in networks of Keras's, by the nearest
        const Shape &in = all[layer.inputs[0]].output, &out = layer.output;
        list = {{"size", by(out[1] / in[1], out[2] / in[2])}, {"interpolation", "nearest"}};
    } else if (layer.type == "ZeroPadding2D") {
        const Shape &in = all[layer.inputs[0]].output, &out = layer.output;
        list = {{"padding", by(out[1] - in[1], out[2] - in[2])}};
    } else if (layer.type == "Concatenate") {
        return {{"axis", "-1"}};
    } else {
        return {};
    }
    list.push_back({"data_format", "channels_last"});
    return list;
}

Graph graph_of(const nets::Net& like) {
    const auto net = nets::make_net(like.name(), like.options());
    const std::int64_t size = some_size(*net);
    const NoGrad no_grad;
    LayerTrace trace;
    const Tensor image = Tensor::empty({1, size, size, net->in_channels()}, Dtype::f32, Device::meta);
    trace.record("InputLayer", nullptr, {}, image);
    net->forward(image);

    std::map<const nn::Module*, std::string> paths;
    for (const auto& [path, module] : net->named_modules()) paths[module] = path;
    Graph graph;
    std::vector<std::size_t> made;
    for (const LayerTrace::Layer& layer : trace.layers()) {
        std::vector<std::size_t> inputs;
        for (const std::size_t input : layer.inputs) inputs.push_back(made[input]);
        if (does_nothing(layer.type)) {
            made.push_back(inputs[0]);
            continue;
        }
        Step step{layer.type, settings_of(layer, trace.layers()), layer.module ? paths[layer.module] : "", inputs,
                  is_of_weights(layer.type)};
        if (layer.type == "Activation") {
            const bool softmax = dynamic_cast<const nn::Softmax*>(layer.module) != nullptr;
            step.type = "activation";
            step.settings = {{"function", softmax ? "softmax" : "relu"}};
        }
        graph.steps.push_back(std::move(step));
        made.push_back(graph.steps.size() - 1);
    }
    graph.outputs = {made.back()};
    return graph;
}

// ---- side by side

class Comparison {
  public:
    Comparison(std::string file, std::string net, const Graph& ours, const Graph& theirs,
               const std::map<std::string, std::string>& layers)
        : file_(std::move(file)), net_(std::move(net)), ours_(ours), theirs_(theirs), path_of_(layers) {}

    void run(bool whole) {
        std::map<std::string, std::size_t> used;
        for (std::size_t i = 0; i < theirs_.steps.size(); ++i) {
            const Step& step = theirs_.steps[i];
            if (!step.has_weights) continue;
            if (!used.emplace(path_of_.at(step.name), i).second) {
                wrong(fmt::format("uses layer '{}' more than once, as no network of Camber's does",
                                  printable(step.name)));
            }
        }
        for (std::size_t i = 0; i < ours_.steps.size(); ++i) {
            const auto found = used.find(ours_.steps[i].name);
            if (ours_.steps[i].has_weights && found != used.end()) compare(i, found->second);
        }
        if (whole) compare_outputs();
    }

  private:
    [[noreturn]] void wrong(const std::string& what) const {
        fail("{}: its model {}; the weights alone would be another network (--partial takes them all the same)", file_,
             what);
    }

    std::string theirs_text(const Step& step) const {
        if (step.type == "InputLayer") return described(step);
        return fmt::format("'{}' ({})", printable(step.name), described(step));
    }
    std::string ours_text(const Step& step) const {
        return step.name.empty() ? described(step) : fmt::format("{} ({})", step.name, described(step));
    }

    void compare_settings(const Step& ours, const Step& theirs) const {
        for (const auto& [name, value] : ours.settings) {
            const auto other = std::find_if(theirs.settings.begin(), theirs.settings.end(),
                                            [&name = name](const auto& s) { return s.first == name; });
            if (other == theirs.settings.end() || other->second == value) continue;
            if (ours.type == "activation") {
                wrong(fmt::format("has '{}', {}, where {} has {}", printable(theirs.name), other->second, net_, value));
            }
            wrong(fmt::format("has '{}' ({}) with {} {}, where {} has {}{}", printable(theirs.name), theirs.type, name,
                              other->second, net_, value, ours.name.empty() ? "" : " (" + ours.name + ")"));
        }
    }

    /// A pair of steps, and all that they take up to those with weights.
    void compare(std::size_t ours, std::size_t theirs) {
        if (!compared_.emplace(ours, theirs).second) return;
        const Step &a = ours_.steps[ours], &b = theirs_.steps[theirs];
        compare_settings(a, b);
        if (a.inputs.size() != b.inputs.size()) {
            wrong(fmt::format("has '{}' ({}) of {} inputs, where {} has one of {}", printable(b.name), described(b),
                              b.inputs.size(), net_, a.inputs.size()));
        }
        std::vector<std::size_t> their_inputs = b.inputs;
        const bool either_way = a.type == "Add" && a.inputs.size() == 2 && !alike(a.inputs[0], b.inputs[0]) &&
                                alike(a.inputs[0], b.inputs[1]);
        if (either_way) std::swap(their_inputs[0], their_inputs[1]);
        for (std::size_t i = 0; i < a.inputs.size(); ++i) compare_input(a, b, a.inputs[i], their_inputs[i]);
    }

    bool alike(std::size_t ours, std::size_t theirs) const {
        const Step &a = ours_.steps[ours], &b = theirs_.steps[theirs];
        return a.has_weights == b.has_weights && a.type == b.type && (!a.has_weights || path_of_.at(b.name) == a.name);
    }

    void compare_input(const Step& into, const Step& their_into, std::size_t ours, std::size_t theirs) {
        const Step &a = ours_.steps[ours], &b = theirs_.steps[theirs];
        if (!alike(ours, theirs)) {
            wrong(fmt::format("has {} before '{}' ({}), where {} has {} before {}", theirs_text(b),
                              printable(their_into.name), described(their_into), net_, ours_text(a), ours_text(into)));
        }
        if (!a.has_weights) compare(ours, theirs);  // those with weights have their own turn
    }

    void compare_outputs() {
        if (theirs_.outputs.size() != 1) {
            wrong(fmt::format("gives {} outputs, where {} gives one", theirs_.outputs.size(), net_));
        }
        std::size_t ours = ours_.outputs[0], theirs = theirs_.outputs[0];
        // Camber's give logits; what is the same for all pixels and keeps the order of classes may follow.
        const auto skip = [](const Graph& graph, std::size_t at) {
            const Step& step = graph.steps[at];
            const bool follows = step.type == "activation" &&
                                 (step.settings[0].second == "softmax" || step.settings[0].second == "sigmoid");
            return follows ? step.inputs[0] : at;
        };
        ours = skip(ours_, ours);
        theirs = skip(theirs_, theirs);
        const Step &a = ours_.steps[ours], &b = theirs_.steps[theirs];
        if (!alike(ours, theirs)) {
            wrong(fmt::format("ends in {}, where {} ends in {} and a softmax or sigmoid", theirs_text(b), net_,
                              ours_text(a)));
        }
        if (!a.has_weights) compare(ours, theirs);
    }

    const std::string file_, net_;
    const Graph &ours_, &theirs_;
    const std::map<std::string, std::string>& path_of_;
    std::set<std::pair<std::size_t, std::size_t>> compared_;
};

/// Our paths by the names that the model's layers have there. A file of weights may name them by class and number.
std::map<std::string, std::string> by_model_names(const KerasModel& model,
                                                  const std::map<std::string, std::string>& layers) {
    std::map<std::string, std::string> own;  // by the name in the file of weights
    std::set<std::string> names;
    KerasGroupNames groups;
    for (const KerasNode& node : model.nodes) {
        if (names.insert(node.layer).second) own.emplace(groups.next(node.type), node.layer);
    }
    const bool named =
        std::all_of(layers.begin(), layers.end(), [&](const auto& l) { return names.contains(l.first); });
    if (named) return layers;
    std::map<std::string, std::string> result;
    for (const auto& [layer, path] : layers) {
        const auto found = own.find(layer);
        if (found != own.end()) result.emplace(found->second, path);
    }
    return result;
}

/// What the file says of its model; nothing where it does not.
std::optional<KerasModel> model_of(const WeightFile& file) {
    if (file.architecture().empty()) return {};
    const std::string name = file.file().string();
    return keras_model(parse_json(file.architecture(), name, "what Keras says of a model"), name);
}

}  // namespace

void check_keras_architecture(const WeightFile& file, const nets::Net& net,
                              const std::map<std::string, std::string>& layers, bool whole) {
    const auto model = model_of(file);
    if (!model) return;
    const std::string name = file.file().string();
    const std::string pixels = nets::describe(net.preprocessing()), unit = nets::describe(nets::Preprocessing());
    if (begins_with_unit_pixels(*model) && pixels != unit) {
        fail("{}: its model divides pixels by 255 itself: it takes {}, where {} takes {}{}", name, unit, net.name(),
             pixels, net.options().contains("input") ? "; leave --input out: the file says it" : "");
    }
    const std::map<std::string, std::string> paths = by_model_names(*model, layers);
    std::set<std::string> filled;
    for (const auto& [layer, path] : paths) filled.insert(layer);
    const Graph ours = graph_of(net), theirs = graph_of(*model, filled);
    Comparison(name, net.name(), ours, theirs, paths).run(whole);
}

bool says_unit_pixels(const WeightFile& file) {
    const auto model = model_of(file);
    return model && begins_with_unit_pixels(*model);
}

std::string keras_architecture_text(const nets::Net& net) {
    const Graph graph = graph_of(net);
    std::vector<std::string> kinds;
    for (const Step& step : graph.steps) {
        std::string text = described(step);
        if (step.type == "InputLayer" || step.type == "Concatenate" || step.type == "Add") continue;
        const auto detail = [&](const char* name) {
            for (const auto& [setting, value] : step.settings)
                if (setting == name) return value;
            return std::string();
        };
        if (step.type == "BatchNormalization") text += " (epsilon " + detail("epsilon") + ")";
        if (step.type == "MaxPooling2D") text += " " + detail("pool_size");
        if (step.type == "UpSampling2D") text += " (" + detail("interpolation") + ")";
        if (step.type == "Conv2DTranspose") text += " of strides " + detail("strides");
        if (std::find(kinds.begin(), kinds.end(), text) == kinds.end()) kinds.push_back(text);
    }
    return fmt::format("{}", fmt::join(kinds, ", "));
}

}  // namespace camber
