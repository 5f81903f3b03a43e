#include "weights/onnx_evaluator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>

namespace camber::testing {
namespace {

using Ints = std::vector<std::int64_t>;

std::int64_t count(const Ints& shape) {
    std::int64_t n = 1;
    for (const std::int64_t extent : shape) n *= extent;
    return n;
}

OnnxArray array_of(const onnx::TensorProto& tensor) {
    OnnxArray result{Ints(tensor.dims().begin(), tensor.dims().end()), {}};
    const auto take = [&]<class T>(T) {
        std::vector<T> values(tensor.raw_data().size() / sizeof(T));
        std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
        result.values.assign(values.begin(), values.end());
    };
    if (tensor.data_type() == onnx::TensorProto::FLOAT) take(float{});
    if (tensor.data_type() == onnx::TensorProto::INT64) take(std::int64_t{});
    if (static_cast<std::int64_t>(result.values.size()) != count(result.shape)) throw std::runtime_error("a constant");
    return result;
}

/// A node's attributes, each to be asked for: what is left unasked is an error.
class Node {
  public:
    explicit Node(const onnx::NodeProto& node) : node_(node) {
        for (const onnx::AttributeProto& attribute : node.attribute()) unread_[attribute.name()] = &attribute;
    }
    std::int64_t integer(const std::string& name, std::int64_t otherwise) {
        const auto* found = take(name);
        return found ? found->i() : otherwise;
    }
    double real(const std::string& name, double otherwise) {
        const auto* found = take(name);
        return found ? found->f() : otherwise;
    }
    std::string text(const std::string& name, const std::string& otherwise) {
        const auto* found = take(name);
        return found ? found->s() : otherwise;
    }
    Ints ints(const std::string& name, const Ints& otherwise) {
        const auto* found = take(name);
        return found ? Ints(found->ints().begin(), found->ints().end()) : otherwise;
    }
    OnnxArray tensor(const std::string& name) { return array_of(take(name)->t()); }
    void done() const {
        if (!unread_.empty()) throw std::runtime_error(node_.op_type() + " with " + unread_.begin()->first);
    }

  private:
    const onnx::AttributeProto* take(const std::string& name) {
        const auto found = unread_.find(name);
        if (found == unread_.end()) return nullptr;
        const onnx::AttributeProto* attribute = found->second;
        unread_.erase(found);
        return attribute;
    }
    const onnx::NodeProto& node_;
    std::map<std::string, const onnx::AttributeProto*> unread_;
};

/// Calls f(n, c, row, column) for every element in order.
template <class F>
void each(const Ints& s, F f) {
    for (std::int64_t n = 0; n < s[0]; ++n)
        for (std::int64_t c = 0; c < s[1]; ++c)
            for (std::int64_t i = 0; i < s[2]; ++i)
                for (std::int64_t j = 0; j < s[3]; ++j) f(n, c, i, j);
}

double& at(OnnxArray& x, std::int64_t n, std::int64_t c, std::int64_t i, std::int64_t j) {
    return x.values[static_cast<std::size_t>(((n * x.shape[1] + c) * x.shape[2] + i) * x.shape[3] + j)];
}
double at(const OnnxArray& x, std::int64_t n, std::int64_t c, std::int64_t i, std::int64_t j) {
    return x.values[static_cast<std::size_t>(((n * x.shape[1] + c) * x.shape[2] + i) * x.shape[3] + j)];
}
bool inside(const OnnxArray& x, std::int64_t i, std::int64_t j) {
    return i >= 0 && i < x.shape[2] && j >= 0 && j < x.shape[3];
}

OnnxArray made(const Ints& shape) { return {shape, std::vector<double>(static_cast<std::size_t>(count(shape)))}; }

OnnxArray convolution(const OnnxArray& x, const OnnxArray& w, const OnnxArray* bias, Node& node) {
    const Ints strides = node.ints("strides", {1, 1}), dilations = node.ints("dilations", {1, 1});
    Ints pads = node.ints("pads", {0, 0, 0, 0});
    node.ints("kernel_shape", {});
    if (node.text("auto_pad", "NOTSET") == "SAME_UPPER") {
        for (std::size_t a = 0; a < 2; ++a) {
            const std::int64_t in = x.shape[2 + a], out = (in + strides[a] - 1) / strides[a];
            const std::int64_t all =
                std::max<std::int64_t>(0, (out - 1) * strides[a] + dilations[a] * (w.shape[2 + a] - 1) + 1 - in);
            pads[a] = all / 2, pads[a + 2] = all - all / 2;
        }
    }
    const auto extent = [&](std::size_t a) {
        return (x.shape[2 + a] + pads[a] + pads[a + 2] - dilations[a] * (w.shape[2 + a] - 1) - 1) / strides[a] + 1;
    };
    OnnxArray y = made({x.shape[0], w.shape[0], extent(0), extent(1)});
    each(y.shape, [&](auto n, auto o, auto i, auto j) {
        double sum = bias ? bias->values[static_cast<std::size_t>(o)] : 0;
        for (std::int64_t k = 0; k < w.shape[2]; ++k)
            for (std::int64_t l = 0; l < w.shape[3]; ++l) {
                const std::int64_t row = i * strides[0] - pads[0] + k * dilations[0],
                                   column = j * strides[1] - pads[1] + l * dilations[1];
                if (!inside(x, row, column)) continue;
                for (std::int64_t c = 0; c < w.shape[1]; ++c) sum += at(w, o, c, k, l) * at(x, n, c, row, column);
            }
        at(y, n, o, i, j) = sum;
    });
    return y;
}

OnnxArray transposed(const OnnxArray& x, const OnnxArray& w, const OnnxArray* bias, Node& node) {
    const Ints strides = node.ints("strides", {1, 1}), pads = node.ints("pads", {0, 0, 0, 0}),
               more = node.ints("output_padding", {0, 0});
    node.ints("kernel_shape", {});
    const auto extent = [&](std::size_t a) {
        return strides[a] * (x.shape[2 + a] - 1) + more[a] + w.shape[2 + a] - pads[a] - pads[a + 2];
    };
    OnnxArray y = made({x.shape[0], w.shape[1], extent(0), extent(1)});
    each(y.shape, [&](auto n, auto o, auto i, auto j) {
        at(y, n, o, i, j) = bias ? bias->values[static_cast<std::size_t>(o)] : 0;
    });
    each(x.shape, [&](auto n, auto c, auto i, auto j) {
        for (std::int64_t o = 0; o < w.shape[1]; ++o)
            for (std::int64_t k = 0; k < w.shape[2]; ++k)
                for (std::int64_t l = 0; l < w.shape[3]; ++l) {
                    const std::int64_t row = i * strides[0] + k - pads[0], column = j * strides[1] + l - pads[1];
                    if (inside(y, row, column)) at(y, n, o, row, column) += at(x, n, c, i, j) * at(w, c, o, k, l);
                }
    });
    return y;
}

OnnxArray pooled(const OnnxArray& x, bool max, Node& node) {
    const Ints kernel = node.ints("kernel_shape", {}), strides = node.ints("strides", {1, 1}),
               pads = node.ints("pads", {0, 0, 0, 0});
    const bool all = !max && node.integer("count_include_pad", 0) != 0;
    const auto extent = [&](std::size_t a) {
        return (x.shape[2 + a] + pads[a] + pads[a + 2] - kernel[a]) / strides[a] + 1;
    };
    OnnxArray y = made({x.shape[0], x.shape[1], extent(0), extent(1)});
    each(y.shape, [&](auto n, auto c, auto i, auto j) {
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        int pixels = 0;
        for (std::int64_t k = 0; k < kernel[0]; ++k)
            for (std::int64_t l = 0; l < kernel[1]; ++l) {
                const std::int64_t row = i * strides[0] - pads[0] + k, column = j * strides[1] - pads[1] + l;
                pixels += all || inside(x, row, column);
                if (!inside(x, row, column)) continue;
                largest = std::max(largest, at(x, n, c, row, column));
                sum += at(x, n, c, row, column);
            }
        at(y, n, c, i, j) = max ? largest : sum / pixels;
    });
    return y;
}

OnnxArray resized(const OnnxArray& x, const OnnxArray* scales, const OnnxArray* sizes, Node& node) {
    const std::string mode = node.text("mode", "nearest"),
                      where = node.text("coordinate_transformation_mode", "half_pixel"),
                      nearest = node.text("nearest_mode", "round_prefer_floor");
    Ints shape;
    std::vector<double> scale;
    for (std::size_t a = 0; a < 4; ++a) {
        const auto extent = static_cast<double>(x.shape[a]);
        shape.push_back(static_cast<std::int64_t>(sizes ? sizes->values[a] : std::floor(extent * scales->values[a])));
        scale.push_back(sizes ? static_cast<double>(shape[a]) / extent : scales->values[a]);
    }
    const auto source = [&](std::int64_t i, std::size_t a) {
        if (where == "asymmetric") return static_cast<double>(i) / scale[a];
        if (where == "half_pixel") return (static_cast<double>(i) + 0.5) / scale[a] - 0.5;
        throw std::runtime_error("Resize with " + where);
    };
    OnnxArray y = made(shape);
    each(y.shape, [&](auto n, auto c, auto i, auto j) {
        const double row = source(i, 2), column = source(j, 3);
        if (mode == "nearest" && nearest == "floor") {
            at(y, n, c, i, j) = at(x, n, c, static_cast<std::int64_t>(std::floor(row + 1e-9)),
                                   static_cast<std::int64_t>(std::floor(column + 1e-9)));
            return;
        }
        if (mode != "linear") throw std::runtime_error("Resize of mode " + mode + ", " + nearest);
        const double top = std::floor(row), left = std::floor(column);
        double sum = 0;
        for (const double k : {0.0, 1.0})
            for (const double l : {0.0, 1.0}) {
                const double weight = (1 - std::abs(row - top - k)) * (1 - std::abs(column - left - l));
                const auto near = [](double v, std::int64_t extent) {  // beyond the edge is the edge
                    return std::clamp<std::int64_t>(static_cast<std::int64_t>(v), 0, extent - 1);
                };
                sum += weight * at(x, n, c, near(top + k, x.shape[2]), near(left + l, x.shape[3]));
            }
        at(y, n, c, i, j) = sum;
    });
    return y;
}

/// Four dimensions; what is outside x is 0.
OnnxArray shifted(const OnnxArray& x, const Ints& shape, const Ints& begin) {
    OnnxArray y = made(shape);
    each(shape, [&](auto n, auto c, auto i, auto j) {
        if (inside(x, i - begin[2], j - begin[3])) at(y, n, c, i, j) = at(x, n, c, i - begin[2], j - begin[3]);
    });
    return y;
}

OnnxArray joined(const std::vector<const OnnxArray*>& parts, std::size_t axis) {
    OnnxArray y{parts[0]->shape, {}};
    y.shape[axis] = 0;
    std::int64_t outer = 1;
    for (std::size_t a = 0; a < axis; ++a) outer *= y.shape[a];
    for (const OnnxArray* part : parts) y.shape[axis] += part->shape[axis];
    for (std::int64_t o = 0; o < outer; ++o)
        for (const OnnxArray* part : parts) {
            const std::int64_t run = static_cast<std::int64_t>(part->values.size()) / outer;
            y.values.insert(y.values.end(), part->values.begin() + o * run, part->values.begin() + (o + 1) * run);
        }
    return y;
}

/// By ONNX's rules of broadcasting, of which these suffice: equal shapes, one element, and a value a channel.
OnnxArray elementwise(const OnnxArray& a, const OnnxArray& b, const std::function<double(double, double)>& f) {
    OnnxArray y = a;
    const std::size_t inner = a.shape.size() == 4 ? static_cast<std::size_t>(a.shape[2] * a.shape[3]) : 1;
    const bool a_channel = a.shape.size() == 4 && b.shape == Ints{1, a.shape[1], 1, 1};
    if (a.shape != b.shape && b.values.size() != 1 && !a_channel) throw std::runtime_error("shapes of an operation");
    for (std::size_t i = 0; i < y.values.size(); ++i) {
        const std::size_t at = a.shape == b.shape ? i : b.values.size() == 1 ? 0 : i / inner % b.values.size();
        y.values[i] = f(a.values[i], b.values[at]);
    }
    return y;
}

OnnxArray largest(const OnnxArray& x) {
    Ints shape = x.shape;
    shape.erase(shape.begin() + 1);
    OnnxArray y = made(shape);
    const std::size_t classes = static_cast<std::size_t>(x.shape[1]),
                      inner = x.values.size() / classes / static_cast<std::size_t>(x.shape[0]);
    for (std::size_t i = 0; i < y.values.size(); ++i) {
        const std::size_t first = i / inner * inner * classes + i % inner;
        for (std::size_t c = 1; c < classes; ++c)
            if (x.values[first + c * inner] > x.values[first + static_cast<std::size_t>(y.values[i]) * inner])
                y.values[i] = static_cast<double>(c);
    }
    return y;
}

Ints integers(const OnnxArray& x) { return {x.values.begin(), x.values.end()}; }

OnnxArray run(const onnx::NodeProto& proto, Node& node, const std::vector<const OnnxArray*>& in) {
    const std::string& type = proto.op_type();
    const auto operand = [&](std::size_t i) { return i < in.size() ? in[i] : nullptr; };
    if (type == "Constant") return node.tensor("value");
    const OnnxArray& x = *in[0];
    if (type == "Conv") return convolution(x, *in[1], operand(2), node);
    if (type == "ConvTranspose") return transposed(x, *in[1], operand(2), node);
    if (type == "MaxPool" || type == "AveragePool") return pooled(x, type == "MaxPool", node);
    if (type == "Resize") return resized(x, operand(2), operand(3), node);
    if (type == "Identity") return x;
    if (type == "Cast") return node.integer("to", 0), x;  // of numbers that every type has
    if (type == "Relu" || type == "Neg") {
        OnnxArray y = x;
        for (double& v : y.values) v = type == "Neg" ? -v : std::max(v, 0.0);
        return y;
    }
    if (type == "Add") return elementwise(x, *in[1], std::plus<>());
    if (type == "Sub") return elementwise(x, *in[1], std::minus<>());
    if (type == "Mul") return elementwise(x, *in[1], std::multiplies<>());
    if (type == "Greater") return elementwise(x, *in[1], std::greater<>());
    if (type == "Mod") return elementwise(x, *in[1], [](double a, double b) { return a - b * std::floor(a / b); });
    if (type == "BatchNormalization") {
        const double epsilon = node.real("epsilon", 1e-5);
        OnnxArray y = x;
        each(x.shape, [&](auto n, auto c, auto i, auto j) {
            const auto k = static_cast<std::size_t>(c);
            at(y, n, c, i, j) =
                (at(x, n, c, i, j) - in[3]->values[k]) / std::sqrt(in[4]->values[k] + epsilon) * in[1]->values[k] +
                in[2]->values[k];
        });
        return y;
    }
    if (type == "GlobalAveragePool") {
        OnnxArray y = made({x.shape[0], x.shape[1], 1, 1});
        const double pixels = static_cast<double>(x.shape[2] * x.shape[3]);
        each(x.shape, [&](auto n, auto c, auto i, auto j) { at(y, n, c, 0, 0) += at(x, n, c, i, j) / pixels; });
        return y;
    }
    if (type == "Concat") return joined(in, static_cast<std::size_t>(node.integer("axis", 0)));
    if (type == "Pad") {
        const Ints pads = integers(*in[1]);
        Ints shape = x.shape;
        for (std::size_t a = 0; a < 4; ++a) shape[a] += pads[a] + pads[a + 4];
        return shifted(x, shape, pads);
    }
    if (type == "Slice") {
        if (integers(*in[1]) != Ints{0, 0} || integers(*in[3]) != Ints{2, 3}) throw std::runtime_error("Slice");
        return shifted(x, {x.shape[0], x.shape[1], integers(*in[2])[0], integers(*in[2])[1]}, {0, 0, 0, 0});
    }
    if (type == "Shape") {
        const Ints part(x.shape.begin() + node.integer("start", 0),
                        x.shape.begin() + node.integer("end", static_cast<std::int64_t>(x.shape.size())));
        return {{static_cast<std::int64_t>(part.size())}, {part.begin(), part.end()}};
    }
    if (type == "DepthToSpace") {
        if (node.text("mode", "DCR") != "CRD") throw std::runtime_error("DepthToSpace");
        const std::int64_t b = node.integer("blocksize", 0);
        OnnxArray y = made({x.shape[0], x.shape[1] / (b * b), x.shape[2] * b, x.shape[3] * b});
        each(y.shape, [&](auto n, auto c, auto i, auto j) {
            at(y, n, c, i, j) = at(x, n, c * b * b + i % b * b + j % b, i / b, j / b);
        });
        return y;
    }
    if (type == "Flatten") {
        if (node.integer("axis", 1) != 1) throw std::runtime_error("Flatten");
        return {{x.shape[0], count(x.shape) / x.shape[0]}, x.values};
    }
    if (type == "Gemm") {
        if (node.integer("transB", 0) != 1) throw std::runtime_error("Gemm");
        OnnxArray y = made({x.shape[0], in[1]->shape[0]});
        const auto inner = static_cast<std::size_t>(x.shape[1]), outputs = static_cast<std::size_t>(y.shape[1]);
        for (std::size_t k = 0; k < y.values.size(); ++k) {
            y.values[k] = operand(2) ? in[2]->values[k % outputs] : 0;
            for (std::size_t i = 0; i < inner; ++i)
                y.values[k] += x.values[k / outputs * inner + i] * in[1]->values[k % outputs * inner + i];
        }
        return y;
    }
    if (type == "Transpose") {
        const Ints order = node.ints("perm", {});
        Ints shape;
        for (const std::int64_t axis : order) shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
        OnnxArray y = made(shape);
        each(y.shape, [&](auto a, auto b, auto c, auto d) {
            const std::int64_t to[] = {a, b, c, d};
            std::int64_t from[4];
            for (std::size_t k = 0; k < 4; ++k) from[order[k]] = to[k];
            at(y, a, b, c, d) = at(x, from[0], from[1], from[2], from[3]);
        });
        return y;
    }
    if (type == "ArgMax") {
        if (node.integer("axis", 0) != 1 || node.integer("keepdims", 1) != 0) throw std::runtime_error("ArgMax");
        return largest(x);
    }
    if (type == "Squeeze") {
        OnnxArray y = x;
        y.shape.erase(y.shape.begin() + integers(*in[1])[0]);
        return y;
    }
    throw std::runtime_error("the operator " + type);
}

}  // namespace

std::map<std::string, OnnxArray> run_onnx(const onnx::ModelProto& model, const OnnxArray& input) {
    const onnx::GraphProto& graph = model.graph();
    std::map<std::string, OnnxArray> values = {{graph.input(0).name(), input}};
    for (const onnx::TensorProto& tensor : graph.initializer()) values[tensor.name()] = array_of(tensor);
    for (const onnx::NodeProto& proto : graph.node()) {
        std::vector<const OnnxArray*> in;
        for (const std::string& name : proto.input()) {
            if (!name.empty() && !values.contains(name)) throw std::runtime_error("nothing makes " + name);
            in.push_back(name.empty() ? nullptr : &values.at(name));
        }
        Node node(proto);
        if (values.contains(proto.output(0))) throw std::runtime_error("two values called " + proto.output(0));
        OnnxArray result = run(proto, node, in);
        node.done();
        values[proto.output(0)] = std::move(result);
    }
    return values;
}

}  // namespace camber::testing
