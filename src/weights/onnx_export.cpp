// A network in ONNX, from the layers that it runs. ONNX has pictures as [N, C, H, W].
#include <camber/error.h>
#include <camber/import.h>
#include <camber/layers.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "backend/batch_norm_folding.h"
#include "io/keras_model.h"
#include "io/onnx_writer.h"
#include "weights/exported_weights.h"
#include "weights/layer_graph.h"
#include "weights/name_map.h"

namespace camber {
namespace {

using Ints = std::vector<std::int64_t>;
using Attributes = OnnxWriter::Attributes;

Ints pads_of(const Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

bool adds_nothing_but_zeros(const Padding& p) { return p.top >= 0 && p.bottom >= 0 && p.left >= 0 && p.right >= 0; }

Attributes resizing_of(ResizeMode mode) {
    switch (mode) {
        case ResizeMode::nearest:
            return {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}};
        case ResizeMode::nearest_half_pixel:
            return {{"mode", "nearest"},
                    {"coordinate_transformation_mode", "half_pixel"},
                    {"nearest_mode", "round_prefer_ceil"}};
        case ResizeMode::bilinear:
            return {{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel"}};
        case ResizeMode::bilinear_align_corners:
            return {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}};
    }
    return {};
}

class Exporter {
  public:
    Exporter(OnnxWriter& out, const LayerGraph& graph, nets::Net& net, const OnnxOptions& options)
        : out_(out), graph_(graph), options_(options) {
        for (ExportedWeight& weight : exported_weights(net, false))
            weights_.emplace(weight.ours, std::move(weight.tensor));
        names_ = {onnx_input, onnx_output, onnx_labels};
        for (const auto& [ours, weight] : weights_) names_.insert(weight.name);
    }

    void run() {
        values_.resize(graph_.layers.size());
        values_[0] = {begin(), false};
        for (std::size_t i = 1; i < graph_.layers.size(); ++i) {
            last_ = i + 1 == graph_.layers.size() && !options_.labels;
            values_[i] = layer(i);
        }
        finish();
    }

  private:
    /// What a layer gives: [N, C, H, W] or, flat, [N, C].
    struct Value {
        std::string name;
        bool flat = false;
    };

    // ---- names and weights

    std::string unique(const std::string& wanted) {
        if (last_ && wanted == onnx_output) return wanted;
        std::string name = wanted;
        for (int i = 1; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
        return name;
    }
    std::string node(const char* operation, const std::vector<std::string>& from, const std::string& name,
                     const Attributes& attributes = {}) {
        std::string to = unique(name);
        out_.node(operation, from, to, attributes);
        return to;
    }
    std::string ints(const Ints& values, const std::string& name) {
        std::string to = unique(name);
        out_.constant(to, values);
        return to;
    }

    /// A parameter of a layer; undefined where it has none of the name.
    const NamedTensor* weight(const GraphLayer& layer, const std::string& leaf) const {
        const auto found = weights_.find(layer.path.empty() ? leaf : layer.path + "." + leaf);
        return found == weights_.end() ? nullptr : &found->second;
    }
    std::string write(const std::string& name, const Tensor& tensor) {
        Ints shape;
        for (int axis = 0; axis < tensor.shape().rank(); ++axis) shape.push_back(tensor.dim(axis));
        if (written_.insert(name).second) out_.weights(name, shape, tensor.data<float>());
        return name;
    }
    std::string write(const NamedTensor& weight) { return write(weight.name, weight.tensor); }

    // ---- sizes that are known when the model runs

    /// Extents [first, end) of a value.
    std::string extents(const std::string& value, std::int64_t first, std::int64_t end) {
        std::string& known = extents_[fmt::format("{} {}", value, first)];
        if (known.empty()) known = node("Shape", {value}, value + ".size", {{"start", first}, {"end", end}});
        return known;
    }
    std::string size(std::size_t layer) { return extents(values_[layer].name, 2, 4); }

    // ---- layers

    Value layer(std::size_t i) {
        const GraphLayer& l = graph_.layers[i];
        const Value& in = values_[l.inputs[0]];
        const std::string name = name_of(l);
        if (l.type == "Conv2D") return {convolution(i, name), false};
        if (l.type == "Conv2DTranspose") return {transposed(i, name), false};
        if (l.type == "BatchNormalization") return {normalisation(i, name), in.flat};
        if (l.type == "Activation") {
            const bool softmax = dynamic_cast<const nn::Softmax*>(l.module) != nullptr;
            if (softmax) return {node("Softmax", {in.name}, name, {{"axis", std::int64_t{1}}}), in.flat};
            return {node("Relu", {in.name}, name), in.flat};
        }
        if (l.type == "Add") return {node("Add", {in.name, values_[l.inputs[1]].name}, name), in.flat};
        if (l.type == "Concatenate") {
            std::vector<std::string> parts;
            for (const std::size_t input : l.inputs) parts.push_back(values_[input].name);
            return {node("Concat", parts, name, {{"axis", std::int64_t{1}}}), in.flat};
        }
        if (l.type == "MaxPooling2D") return {node("MaxPool", {in.name}, name, window(l)), false};
        if (l.type == "AveragePooling2D") {
            Attributes attributes = window(l);
            const bool padded = std::get<Pool2dParams>(l.settings).count_include_pad;
            attributes.emplace_back("count_include_pad", std::int64_t{padded});
            return {node("AveragePool", {in.name}, name, attributes), false};
        }
        if (l.type == "GlobalAveragePooling2D") return {node("GlobalAveragePool", {in.name}, name), false};
        if (l.type == "UpSampling2D" || l.type == "Resizing") return {resized(i, name), false};
        if (l.type == "ZeroPadding2D" || l.type == "Cropping2D") return {padded(i, name), false};
        if (l.type == "PixelShuffle") {
            const std::int64_t factor = l.output[1] / graph_.layers[l.inputs[0]].output[1];
            return {node("DepthToSpace", {in.name}, name, {{"blocksize", factor}, {"mode", "CRD"}}), false};
        }
        if (l.type == "Flatten") return flattened(has_pixels_last(i) ? in : channels_last(in), name);
        if (l.type == "Dense") return linear(i, name);
        if (l.type == "Dropout") return in;
        fail("{}: a layer of type {} has no place in an ONNX export yet", graph_.net->name(), l.type);
    }

    /// What a layer's output is called.
    std::string name_of(const GraphLayer& layer) const {
        if (last_) return onnx_output;
        if (!layer.path.empty()) return layer.path;
        return layer.type == "Activation" ? "relu" : keras_snake_case(layer.type);
    }

    /// A padding that the convolutions after it do themselves.
    bool is_left_to_convolutions(std::size_t i) const {
        const GraphLayer& l = graph_.layers[i];
        if (l.type != "ZeroPadding2D" || l.size_of || l.round_up) return false;
        const std::vector<std::size_t> users = graph_.users(i);
        return adds_nothing_but_zeros(std::get<Padding>(l.settings)) && !users.empty() &&
               std::all_of(users.begin(), users.end(), [&](std::size_t user) {
                   const auto* conv = std::get_if<Conv2dParams>(&graph_.layers[user].settings);
                   return conv && conv->padding == Padding{};
               });
    }

    /// The batch normalisation that a convolution computes too.
    const GraphLayer* folded_into(std::size_t conv) const {
        if (!options_.fold_batch_norms) return nullptr;
        const std::string& type = graph_.layers[conv].type;
        if (type != "Conv2D" && type != "Conv2DTranspose") return nullptr;
        const std::vector<std::size_t> users = graph_.users(conv);
        const bool one = users.size() == 1 && graph_.layers[users[0]].type == "BatchNormalization";
        return one ? &graph_.layers[users[0]] : nullptr;
    }

    NormalisationWeights statistics(const GraphLayer& norm) const {
        const NamedTensor* gamma = weight(norm, "weight");
        const Tensor beta = weight(norm, "bias")->tensor;
        return {gamma ? gamma->tensor
                      : Tensor::from(std::vector<float>(static_cast<std::size_t>(beta.numel()), 1.0f), beta.shape(),
                                     Device::cpu),
                beta, weight(norm, "running_mean")->tensor, weight(norm, "running_var")->tensor,
                std::get<BatchNormParams>(norm.settings).eps};
    }

    /// Weight and bias of a convolution, whose output channels are the weight's axis `axis`, behind `from`.
    std::vector<std::string> operands(std::size_t i, int axis, const std::string& from) {
        const GraphLayer& l = graph_.layers[i];
        const NamedTensor &w = *weight(l, "weight"), *b = weight(l, "bias");
        const GraphLayer* norm = folded_into(i);
        if (!norm) {
            std::vector<std::string> list = {from, write(w)};
            if (b) list.push_back(write(*b));
            return list;
        }
        const NormalisationWeights of_norm = statistics(*norm);
        return {from, write(w.name, folded_weight(w.tensor, axis, of_norm)),
                write(b ? b->name : unique(l.path + ".folded_bias"), folded_bias(b ? b->tensor : Tensor(), of_norm))};
    }

    std::string convolution(std::size_t i, const std::string& name) {
        const GraphLayer& l = graph_.layers[i];
        const auto& p = std::get<Conv2dParams>(l.settings);
        const auto& conv = dynamic_cast<const nn::Conv2d&>(*l.module);
        std::size_t from = l.inputs[0];
        Attributes attributes = {{"strides", Ints{p.stride_h, p.stride_w}},
                                 {"dilations", Ints{p.dilation_h, p.dilation_w}},
                                 {"kernel_shape", Ints{conv.options().kernel_h, conv.options().kernel_w}}};
        if (is_left_to_convolutions(from)) {
            attributes.emplace_back("pads", pads_of(std::get<Padding>(graph_.layers[from].settings)));
            from = graph_.layers[from].inputs[0];
        } else if (graph_.any_size && !conv.options().padding && p.stride_h * p.stride_w > 1) {
            attributes.emplace_back("auto_pad", "SAME_UPPER");  // which follows from the size
        } else {
            attributes.emplace_back("pads", pads_of(p.padding));
        }
        return node("Conv", operands(i, 0, values_[from].name), name, attributes);
    }

    std::string transposed(std::size_t i, const std::string& name) {
        const GraphLayer& l = graph_.layers[i];
        const auto& p = std::get<ConvTranspose2dParams>(l.settings);
        const auto& conv = dynamic_cast<const nn::ConvTranspose2d&>(*l.module);
        if (p.crop.top < 0 || p.crop.left < 0)
            fail("{}: a transposed convolution that adds zeros at the top or left cannot be said in ONNX", name);
        // Rows that are added at the end are of the full output, where nothing reaches.
        const auto cropped = [](int side) { return std::int64_t{std::max(side, 0)}; };
        const auto added = [](int side) { return std::int64_t{std::max(-side, 0)}; };
        return node("ConvTranspose", operands(i, 1, values_[l.inputs[0]].name), name,
                    {{"strides", Ints{p.stride_h, p.stride_w}},
                     {"kernel_shape", Ints{conv.options().kernel_h, conv.options().kernel_w}},
                     {"pads", Ints{p.crop.top, p.crop.left, cropped(p.crop.bottom), cropped(p.crop.right)}},
                     {"output_padding", Ints{added(p.crop.bottom), added(p.crop.right)}}});
    }

    std::string normalisation(std::size_t i, const std::string& name) {
        const GraphLayer& l = graph_.layers[i];
        if (folded_into(l.inputs[0])) return values_[l.inputs[0]].name;
        const NamedTensor *gamma = weight(l, "weight"), &beta = *weight(l, "bias");
        std::string scale;
        if (gamma) {
            scale = write(*gamma);
        } else {  // no weight of the network's
            scale = unique(name + ".ones");
            out_.constant(scale, std::vector<float>(static_cast<std::size_t>(beta.tensor.numel()), 1.0f),
                          {beta.tensor.numel()});
        }
        return node("BatchNormalization",
                    {values_[l.inputs[0]].name, scale, write(beta), write(*weight(l, "running_mean")),
                     write(*weight(l, "running_var"))},
                    name, {{"epsilon", std::get<BatchNormParams>(l.settings).eps}});
    }

    static Attributes window(const GraphLayer& layer) {
        const auto& p = std::get<Pool2dParams>(layer.settings);
        return {{"kernel_shape", Ints{p.kernel_h, p.kernel_w}},
                {"strides", Ints{p.stride_h, p.stride_w}},
                {"pads", pads_of(p.padding)}};
    }

    std::string resized(std::size_t i, const std::string& name) {
        const GraphLayer& l = graph_.layers[i];
        const Shape &from = graph_.layers[l.inputs[0]].output, &to = l.output;
        const std::string& in = values_[l.inputs[0]].name;
        const Attributes attributes = resizing_of(std::get<ResizeMode>(l.settings));
        const bool whole = to[1] % from[1] == 0 && to[2] % from[2] == 0;
        if (l.size_of) {
            const std::string sizes =
                node("Concat", {extents(in, 0, 2), size(*l.size_of)}, name + ".sizes", {{"axis", std::int64_t{0}}});
            return node("Resize", {in, "", "", sizes}, name, attributes);
        }
        if (from == to) return in;
        if (whole) {
            const std::string scales = unique(name + ".scales");
            out_.constant(scales,
                          {1.0f, 1.0f, static_cast<float>(to[1] / from[1]), static_cast<float>(to[2] / from[2])}, {4});
            return node("Resize", {in, "", scales}, name, attributes);
        }
        const std::string own = ints({to[1], to[2]}, name + ".own_size"),
                          sizes =
                              node("Concat", {extents(in, 0, 2), own}, name + ".sizes", {{"axis", std::int64_t{0}}});
        return node("Resize", {in, "", "", sizes}, name, attributes);
    }

    std::string padded(std::size_t i, const std::string& name) {
        const GraphLayer& l = graph_.layers[i];
        const std::string& in = values_[l.inputs[0]].name;
        const auto& p = std::get<Padding>(l.settings);
        if (is_left_to_convolutions(i)) return in;
        if (!l.size_of && !l.round_up) {
            const std::string pads = ints({0, 0, p.top, p.left, 0, 0, p.bottom, p.right}, name + ".pads");
            return node("Pad", {in, pads}, name);
        }
        if (p.top != 0 || p.left != 0)
            fail("{}: pads or crops at the top or left by what depends on the size", graph_.net->name());
        const std::string before = size(l.inputs[0]);
        std::string more;
        if (l.round_up) {  // -size modulo the multiple, whose sign ONNX's Mod takes
            const std::string negative = node("Neg", {before}, name + ".negative"),
                              multiple = ints({l.round_up}, name + ".multiple");
            more = node("Mod", {negative, multiple}, name + ".more");
        } else if (l.type == "Cropping2D") {
            const std::string begin = ints({0, 0}, name + ".begin"), axes = ints({2, 3}, name + ".axes");
            return node("Slice", {in, begin, size(*l.size_of), axes}, name);
        } else {
            more = node("Sub", {size(*l.size_of), before}, name + ".more");
        }
        const std::string none = ints({0, 0, 0, 0, 0, 0}, name + ".none");
        return node("Pad", {in, node("Concat", {none, more}, name + ".pads", {{"axis", std::int64_t{0}}})}, name);
    }

    /// Whether the weights that a flattening is for go through a channel's pixels, then the next channel's, as ONNX
    /// flattens; else through a pixel's channels.
    bool has_pixels_last(std::size_t i) const {
        const Shape& from = graph_.layers[graph_.layers[i].inputs[0]].output;
        if (from[1] == 1 && from[2] == 1) return true;
        for (std::vector<std::size_t> users = graph_.users(i); !users.empty(); users = graph_.users(users[0])) {
            const GraphLayer& user = graph_.layers[users[0]];
            if (const auto* linear = dynamic_cast<const nn::Linear*>(user.module))
                return flattened_pixels(user.path + ".weight", linear->weight.tensor.shape()) > 0;
        }
        return false;
    }
    Value channels_last(const Value& in) {
        return {node("Transpose", {in.name}, "channels_last", {{"perm", Ints{0, 2, 3, 1}}}), in.flat};
    }
    Value flattened(const Value& in, const std::string& name) {
        if (in.flat) return in;
        return {node("Flatten", {in.name}, name, {{"axis", std::int64_t{1}}}), true};
    }

    Value linear(std::size_t i, const std::string& name) {
        const GraphLayer& l = graph_.layers[i];
        const Shape& from = graph_.layers[l.inputs[0]].output;
        const NamedTensor &w = *weight(l, "weight"), *b = weight(l, "bias");
        Value in = values_[l.inputs[0]];
        if (in.flat || (from[1] == 1 && from[2] == 1)) {
            in = flattened(in, "flatten");
            std::vector<std::string> operands = {in.name, write(w)};
            if (b) operands.push_back(write(*b));
            return {node("Gemm", operands, name, {{"transB", std::int64_t{1}}}), true};
        }
        const std::string axes = ints({2, 3}, name + ".axes");  // of every pixel: a convolution of 1x1
        std::vector<std::string> operands = {in.name, node("Unsqueeze", {write(w), axes}, name + ".kernel")};
        if (b) operands.push_back(write(*b));
        return {node("Conv", operands, name), false};
    }

    // ---- the ends

    OnnxWriter::Extents picture(bool channels_last) const {
        const Shape& image = graph_.layers[0].output;
        OnnxWriter::Extents list = {batch(), image[1], image[2]};
        if (graph_.any_size) list = {batch(), "height", "width"};
        list.insert(channels_last ? list.end() : list.begin() + 1, image[3]);
        return list;
    }
    std::variant<std::int64_t, std::string> batch() const {
        if (options_.batch == 0) return "batch";
        return std::int64_t{options_.batch};
    }

    /// The input, and what makes the network's picture of it.
    std::string begin() {
        if (options_.pixels.empty()) {
            out_.input(onnx_input, OnnxWriter::Type::f32, picture(false), "a picture as the network takes it");
            return onnx_input;
        }
        out_.input(onnx_input, OnnxWriter::Type::u8, picture(true), "a picture's pixels, 0 to 255");
        const std::string planes = node("Transpose", {onnx_input}, "planes", {{"perm", Ints{0, 3, 1, 2}}}),
                          pixels = node("Cast", {planes}, "pixels", {{"to", std::int64_t{1}}});  // TensorProto.FLOAT
        std::vector<float> mean, factor;
        for (const OnnxOptions::PixelScale& channel : options_.pixels) {
            mean.push_back(channel.mean);
            factor.push_back(channel.factor);
        }
        const Ints shape = {1, static_cast<std::int64_t>(mean.size()), 1, 1};
        const std::string less = unique("mean"), times = unique("factor");
        out_.constant(less, mean, shape);
        out_.constant(times, factor, shape);
        return node("Mul", {node("Sub", {pixels, less}, "centred"), times}, "picture");
    }

    /// Names the network's output.
    void finish() {
        const Value& last = values_.back();
        const std::int64_t classes = graph_.layers.back().output[3];
        if (!options_.labels) {
            if (last.name != onnx_output) out_.node("Identity", {last.name}, onnx_output);
            OnnxWriter::Extents extents = {batch(), classes};
            if (!last.flat) extents = picture(false), extents[1] = classes;
            out_.output(onnx_output, OnnxWriter::Type::f32, extents, "a logit a class");
            return;
        }
        std::string labels;
        if (classes == 1) {  // two classes, told apart by the sign
            const std::string zero = unique("zero");
            out_.constant(zero, std::vector<float>{0}, {1});
            const std::string axis = ints({1}, "channel");
            labels = node("Squeeze", {node("Greater", {last.name, zero}, "is_second"), axis}, "second");
        } else {
            labels = node("ArgMax", {last.name}, "largest", {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
        }
        const bool many = classes > 256;
        const auto type = many ? OnnxWriter::Type::i64 : OnnxWriter::Type::u8;
        out_.node("Cast", {labels}, onnx_labels, {{"to", std::int64_t{many ? 7 : 2}}});  // INT64, UINT8
        OnnxWriter::Extents extents = {batch()};
        if (!last.flat) extents = picture(false), extents.erase(extents.begin() + 1);
        out_.output(onnx_labels, type, extents, "the id of each pixel's class");
    }

    OnnxWriter& out_;
    const LayerGraph& graph_;
    const OnnxOptions& options_;
    std::map<std::string, NamedTensor> weights_;  ///< by our names
    std::vector<Value> values_;                   ///< of each layer
    bool last_ = false;                           ///< the layer at hand makes the model's output
    std::set<std::string> names_, written_;
    std::map<std::string, std::string> extents_;
};

}  // namespace

void export_onnx(nets::Net& net, const std::filesystem::path& file, const OnnxOptions& options,
                 const std::map<std::string, std::string>& metadata) {
    const LayerGraph graph = layer_graph(net, options.height, options.width);
    OnnxWriter out(file, net.name(), fmt::format("{}, written by Camber", net.name()));
    Exporter(out, graph, net, options).run();
    for (const auto& [key, value] : metadata) out.metadata(key, value);
    if (options.fold_batch_norms) out.metadata("camber.folded", "batch norms");
    out.commit();
}

}  // namespace camber
