#include "weights/layer_graph.h"

#include <camber/autograd.h>
#include <camber/layers.h>

#include <algorithm>
#include <map>
#include <utility>

namespace camber {
namespace {

using Rows = std::vector<LayerTrace::Layer>;

Rows rows_at(nets::Net& net, std::int64_t height, std::int64_t width) {
    const NoGrad no_grad;
    LayerTrace trace;
    const Tensor image = Tensor::empty({1, height, width, net.in_channels()}, Dtype::f32, Device::meta);
    trace.record("InputLayer", nullptr, {}, image);
    net.forward(image);
    return trace.layers();
}

bool same_layers(const Rows& a, const Rows& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
        return one.type == other.type && one.module == other.module && one.inputs == other.inputs;
    });
}

std::pair<std::int64_t, std::int64_t> size_of(const LayerTrace::Layer& row) { return {row.output[1], row.output[2]}; }

/// A layer before `layer` that is as high and wide at every size, the picture before others.
std::optional<std::size_t> layer_of_size(const std::vector<Rows>& traces, std::size_t layer) {
    const auto fits = [&](std::size_t other) {
        return std::all_of(traces.begin(), traces.end(),
                           [&](const Rows& rows) { return size_of(rows[other]) == size_of(rows[layer]); });
    };
    if (fits(0)) return 0;
    for (std::size_t other = layer; other-- > 1;)
        if (fits(other)) return other;
    return {};
}

bool is_rounded_up(const std::vector<Rows>& traces, std::size_t layer, std::int64_t multiple) {
    const auto up = [multiple](std::int64_t extent) { return (extent + multiple - 1) / multiple * multiple; };
    return std::all_of(traces.begin(), traces.end(), [&](const Rows& rows) {
        const auto [height, width] = size_of(rows[rows[layer].inputs[0]]);
        return size_of(rows[layer]) == std::pair(up(height), up(width));
    });
}

bool has_varying_settings(const std::vector<Rows>& traces, std::size_t layer) {
    return std::any_of(traces.begin(), traces.end(),
                       [&](const Rows& rows) { return rows[layer].settings != traces[0][layer].settings; });
}

/// Expresses what depends on the picture's size in a layer by other sizes. Whether that is possible.
bool express_size(const std::vector<Rows>& traces, std::size_t layer, std::int64_t multiple, GraphLayer& to) {
    const bool pads = std::holds_alternative<Padding>(to.settings), varies = has_varying_settings(traces, layer);
    if (to.type == "Resizing" || (pads && varies)) {
        to.size_of = layer_of_size(traces, layer);
        if (to.size_of) return true;
        if (pads && is_rounded_up(traces, layer, multiple)) to.round_up = multiple;
        return to.round_up > 0;
    }
    if (!varies) return true;
    const auto* conv = dynamic_cast<const nn::Conv2d*>(to.module);
    return conv && !conv->options().padding;  // 'same', which follows from the size
}

/// Runs the network at sizes at which all that may be resized, padded or cropped is: those of odd numbers at every
/// halving; others, of which those that run the same layers count.
std::vector<Rows> rows_at_several(nets::Net& net) {
    const std::int64_t unit = some_size(net);
    std::vector<Rows> traces;
    const std::pair<std::int64_t, std::int64_t> odd[] = {{2, 3}, {3, 2}, {5, 4}};
    for (const auto& [height, width] : odd) traces.push_back(rows_at(net, height * unit + 1, width * unit + 1));
    const std::pair<std::int64_t, std::int64_t> rest[] = {{3, 7}, {13, 5}, {6, 12}};
    for (const auto& [height, width] : rest) {
        Rows rows = rows_at(net, 2 * unit + height, 3 * unit + width);
        if (same_layers(rows, traces[0])) traces.push_back(std::move(rows));
    }
    return traces;
}

}  // namespace

std::vector<std::size_t> LayerGraph::users(std::size_t layer) const {
    std::vector<std::size_t> result;
    for (std::size_t i = layer + 1; i < layers.size(); ++i) {
        const std::vector<std::size_t>& inputs = layers[i].inputs;
        if (std::find(inputs.begin(), inputs.end(), layer) != inputs.end()) result.push_back(i);
    }
    return result;
}

int some_size(const nets::Net& net) {
    constexpr int least = 64;
    const int multiple = net.size_multiple();
    return (least + multiple - 1) / multiple * multiple;
}

LayerGraph layer_graph(const nets::Net& like, int height, int width) {
    nlohmann::json options = like.options();
    if (options.contains("size_policy")) options["size_policy"] = "pad";
    LayerGraph graph{nets::make_net(like.name(), options), height == 0, {}};
    nets::Net& net = *graph.net;
    net.eval();
    std::vector<Rows> traces;
    try {
        if (graph.any_size) {
            traces = rows_at_several(net);
        } else {
            traces.push_back(rows_at(net, height, width));
        }
    } catch (const Error& error) {
        if (graph.any_size)
            fail_usage("{} does not take pictures of any size ({}): give --size HxW", like.name(), error.what());
        fail_usage("{} takes no pictures of {}x{}: {}", like.name(), height, width, error.what());
    }
    std::map<const nn::Module*, std::string> paths;
    for (const auto& [path, module] : net.named_modules()) paths[module] = path;
    const bool same =
        std::all_of(traces.begin(), traces.end(), [&](const Rows& rows) { return same_layers(rows, traces[0]); });
    for (std::size_t i = 0; i < traces[0].size(); ++i) {
        const LayerTrace::Layer& row = traces[0][i];
        GraphLayer layer{row.type,  row.module ? paths[row.module] : "", row.module, row.inputs, row.settings,
                         row.output};
        if (graph.any_size && (!same || !express_size(traces, i, net.size_multiple(), layer))) {
            fail_usage(
                "{} has layers that depend on the picture's size otherwise than ONNX can say it: give --size HxW",
                like.name());
        }
        graph.layers.push_back(std::move(layer));
    }
    return graph;
}

}  // namespace camber
