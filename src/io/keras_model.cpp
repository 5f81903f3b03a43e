#include "io/keras_model.h"

#include <camber/error.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>

#include "io/printable.h"

namespace camber {
namespace {

using nlohmann::json;

constexpr std::size_t most_nodes = 10'000;
constexpr int deepest_model = 8;  ///< models within models

/// Which output of which use of which layer.
struct Place {
    std::string layer;
    std::int64_t use = 0, output = 0;
};

std::optional<Place> place(const json& value) {
    if (!value.is_array() || value.size() < 3 || !value[0].is_string()) return {};
    if (!value[1].is_number_integer() || !value[2].is_number_integer()) return {};
    return Place{value[0].get<std::string>(), value[1].get<std::int64_t>(), value[2].get<std::int64_t>()};
}

/// Every tensor that is named in a call, in order: ["conv2d", 0, 0, {}] of Keras 2, and Keras 3's
/// {"class_name": "__keras_tensor__", "config": {"keras_history": ["conv2d", 0, 0]}}.
void collect(const json& value, std::vector<Place>& to) {
    if (const auto found = place(value)) {
        to.push_back(*found);
    } else if (value.is_array()) {
        for (const json& item : value) collect(item, to);
    } else if (value.is_object()) {
        const auto config = value.find("config");
        if (config != value.end() && config->is_object() && config->contains("keras_history")) {
            collect(config->at("keras_history"), to);
            return;
        }
        for (const auto& item : value.items()) collect(item.value(), to);
    }
}

std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The list of a model's layers; null where it has none.
const json* layers_of(const json& model) {
    const auto config = model.find("config");
    if (config == model.end()) return nullptr;
    if (config->is_array()) return &*config;  // Sequential, before Keras 2.2.3
    if (!config->is_object() || !config->contains("layers") || !config->at("layers").is_array()) return nullptr;
    return &config->at("layers");
}

class Builder {
  public:
    explicit Builder(const std::string& source) : source_(source) {}

    KerasModel take(const json& model) {
        model_.outputs = build(model, nullptr, 0);
        return std::move(model_);
    }

  private:
    [[noreturn]] void wrong(const std::string& what) const {
        fail("{}: what Keras says of the model in it is damaged: {}", source_, what);
    }

    std::size_t add(const json& layer, const std::string& name, std::vector<std::size_t> inputs) {
        if (model_.nodes.size() == most_nodes) fail("{}: a model of more than {} layers", source_, most_nodes);
        const auto config = layer.find("config");
        model_.nodes.push_back({name, text(layer, "class_name"),
                                config != layer.end() && config->is_object() ? *config : json::object(),
                                std::move(inputs)});
        return model_.nodes.size() - 1;
    }

    static std::string name_of(const json& layer) {
        const auto config = layer.find("config");
        const std::string own = config != layer.end() && config->is_object() ? text(*config, "name") : "";
        return own.empty() ? text(layer, "name") : own;
    }

    /// A layer's outputs, or those of a model that is one.
    std::vector<std::size_t> run(const json& layer, const std::string& name, std::vector<std::size_t> inputs,
                                 int depth) {
        if (layers_of(layer)) return build(layer, &inputs, depth + 1);
        return {add(layer, name, std::move(inputs))};
    }

    /// `given`: what goes into a model within another; null for the outermost, whose inputs are layers of their own.
    std::vector<std::size_t> build(const json& model, const std::vector<std::size_t>* given, int depth) {
        if (depth > deepest_model) wrong("models within models without end");
        const json* layers = layers_of(model);
        if (!layers) wrong("a model without layers");
        for (const json& layer : *layers) {
            if (!layer.is_object() || !layer.contains("class_name")) wrong("a layer of no class");
        }
        const bool sequential = text(model, "class_name") == "Sequential" || !model.at("config").is_object() ||
                                !model.at("config").contains("output_layers");
        return sequential ? chain(*layers, given, depth) : graph(model.at("config"), *layers, given, depth);
    }

    std::vector<std::size_t> chain(const json& layers, const std::vector<std::size_t>* given, int depth) {
        std::vector<std::size_t> last = given ? *given : std::vector<std::size_t>();
        for (const json& layer : layers) {
            if (text(layer, "class_name") == "InputLayer" && !last.empty()) continue;
            if (last.empty() && text(layer, "class_name") != "InputLayer") {
                last = {add({{"class_name", "InputLayer"}}, "input", {})};
            }
            last = run(layer, name_of(layer), last, depth);
        }
        return last;
    }

    std::vector<std::size_t> graph(const json& config, const json& layers, const std::vector<std::size_t>* given,
                                   int depth) {
        struct Use {
            const json* layer;
            std::string name;
            std::int64_t number;
            std::vector<Place> inputs;
        };
        std::vector<Use> waiting;
        for (const json& layer : layers) {
            const auto nodes = layer.find("inbound_nodes");
            // A layer's own name here, which its settings may have otherwise.
            const std::string name = text(layer, "name").empty() ? name_of(layer) : text(layer, "name");
            if (nodes == layer.end() || !nodes->is_array() || nodes->empty()) {
                waiting.push_back({&layer, name, 0, {}});
                continue;
            }
            std::int64_t number = 0;
            for (const json& node : *nodes) {
                waiting.push_back({&layer, name, number++, {}});
                collect(node, waiting.back().inputs);
            }
            if (waiting.size() > most_nodes) fail("{}: a model of more than {} layers", source_, most_nodes);
        }
        std::vector<Place> inputs, outputs;
        if (config.contains("input_layers")) collect(config.at("input_layers"), inputs);
        collect(config.at("output_layers"), outputs);

        std::map<std::pair<std::string, std::int64_t>, std::vector<std::size_t>> made;
        const auto find = [&](const Place& at) -> std::optional<std::size_t> {
            const auto found = made.find({at.layer, at.use});
            if (found == made.end()) return {};
            const auto output = static_cast<std::size_t>(at.output);
            if (output >= found->second.size())
                wrong(fmt::format("layer '{}' has no such output", printable(at.layer)));
            return found->second[output];
        };
        for (std::size_t i = 0; given && i < inputs.size() && i < given->size(); ++i) {
            made[{inputs[i].layer, inputs[i].use}] = {(*given)[i]};
        }
        // Layers come after what they take, but for those that are used again.
        for (bool more = true; more && !waiting.empty();) {
            more = false;
            std::vector<Use> later;
            for (Use& use : waiting) {
                if (made.contains({use.name, use.number})) continue;  // an input that is given
                std::vector<std::size_t> from;
                for (const Place& input : use.inputs) {
                    const auto found = find(input);
                    if (!found) break;
                    from.push_back(*found);
                }
                if (from.size() != use.inputs.size()) {
                    later.push_back(std::move(use));
                    continue;
                }
                made[{use.name, use.number}] = run(*use.layer, name_of(*use.layer), std::move(from), depth);
                more = true;
            }
            if (++passes_ > most_passes) wrong("layers that take one another");
            waiting = std::move(later);
        }
        if (!waiting.empty()) {
            wrong(fmt::format("layer '{}' takes what no layer makes", printable(waiting.front().name)));
        }
        std::vector<std::size_t> result;
        for (const Place& output : outputs) {
            auto found = find(output);
            // Uses of a model are counted from before it came to be in this one: the last that there is.
            const auto after = made.lower_bound({output.layer, output.use});
            if (!found && after != made.begin() && std::prev(after)->first.first == output.layer) {
                found = find({output.layer, std::prev(after)->first.second, output.output});
            }
            if (!found) wrong(fmt::format("its output '{}' is no layer", printable(output.layer)));
            result.push_back(*found);
        }
        if (result.empty()) wrong("a model without an output");
        return result;
    }

    static constexpr int most_passes = 1000;
    const std::string& source_;
    KerasModel model_;
    int passes_ = 0;
};

}  // namespace

std::optional<KerasModel> keras_model(const json& model, const std::string& source) {
    if (!model.is_object() || !layers_of(model)) return std::nullopt;
    return Builder(source).take(model);
}

std::string keras_snake_case(const std::string& type) {
    const auto upper = [&](std::size_t i) { return std::isupper(static_cast<unsigned char>(type[i])) != 0; };
    const auto lower = [&](std::size_t i) { return std::islower(static_cast<unsigned char>(type[i])) != 0; };
    std::string name;
    for (std::size_t i = 0; i < type.size(); ++i) {
        const bool begins_word = upper(i) && i + 1 < type.size() && lower(i + 1);
        if (i > 0 && upper(i) && (begins_word || lower(i - 1))) name += '_';
        name += static_cast<char>(std::tolower(static_cast<unsigned char>(type[i])));
    }
    return name;
}

std::string KerasGroupNames::next(const std::string& type) {
    const std::string name = keras_snake_case(type);
    const auto found = std::find_if(used_.begin(), used_.end(), [&](const auto& used) { return used.first == name; });
    if (found == used_.end()) {
        used_.emplace_back(name, 0);
        return name;
    }
    return fmt::format("{}_{}", name, ++found->second);
}

}  // namespace camber
