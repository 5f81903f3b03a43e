#include <camber/autograd.h>
#include <camber/summary.h>

#include <cctype>
#include <map>

namespace camber {
namespace {

thread_local LayerTrace* active_trace = nullptr;

/// What Keras calls a layer that was given no name: its class in snake case (keras/src/utils/naming.py), numbered from
/// the second on.
std::string base_name(const std::string& type) {
    if (type == "InputLayer") return "image_input";
    std::string name;
    for (std::size_t i = 0; i < type.size(); ++i) {
        const bool upper = std::isupper(type[i]), begins_word = i + 1 < type.size() && std::islower(type[i + 1]);
        if (i > 0 && upper && (begins_word || std::islower(type[i - 1]))) name += '_';
        name += static_cast<char>(std::tolower(type[i]));
    }
    return name;
}

}  // namespace

LayerTrace::LayerTrace() : previous_(active_trace) { active_trace = this; }
LayerTrace::~LayerTrace() { active_trace = previous_; }
LayerTrace* LayerTrace::active() { return active_trace; }

void LayerTrace::record(std::string type, const nn::Module* module, const std::vector<Tensor>& inputs,
                        const Tensor& output, std::string arithmetic, const LayerSettings& settings) {
    Layer layer{std::move(type), module, std::move(arithmetic), output.shape(), 0, 0, {}, settings};
    for (const Tensor& input : inputs) {
        const auto maker = maker_.find(&input.storage());
        if (maker == maker_.end()) {
            fail("layer table: the input {} of a {} came from an operation that is no layer; use those of layers.h",
                 input.shape().str(), layer.type);
        }
        layer.inputs.push_back(maker->second);
    }
    if (module) {
        for (const auto& [name, parameter] : module->named_parameters()) {
            layer.params += parameter->tensor.numel();
            if (parameter->trainable) layer.trainable += parameter->tensor.numel();
        }
        for (const auto& [name, buffer] : module->named_buffers()) layer.params += buffer->tensor.numel();
    }
    maker_[&output.storage()] = layers_.size();
    layers_.push_back(std::move(layer));
    alive_.push_back(output);
}

std::vector<std::string> LayerTable::connections(std::size_t row) const {
    std::vector<std::string> result;
    for (const std::size_t input : rows[row].inputs) result.push_back(rows[input].name + "[0][0]");
    return result;
}

LayerTable layer_table(nn::Module& net, std::int64_t height, std::int64_t width, std::int64_t channels,
                       const std::string& model) {
    const NoGrad no_grad;
    LayerTrace trace;
    const Tensor image = Tensor::empty({1, height, width, channels}, Dtype::f32, Device::meta);
    trace.record("InputLayer", nullptr, {}, image);
    net.run_all(image);

    std::map<const nn::Module*, std::string> paths;
    for (const auto& [path, module] : net.named_modules()) paths[module] = path;
    std::map<std::string, int> used;
    LayerTable table;
    table.model = model;
    for (const LayerTrace::Layer& layer : trace.layers()) {
        std::string name = base_name(layer.type);
        if (const int count = used[layer.type]++) name += "_" + std::to_string(count);
        table.rows.push_back({std::move(name), layer.type, layer.module ? paths[layer.module] : std::string(),
                              layer.arithmetic, layer.output, layer.params, layer.trainable, layer.inputs});
        table.params += layer.params;
        table.trainable += layer.trainable;
    }
    return table;
}

}  // namespace camber
