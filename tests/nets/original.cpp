#include "original.h"

#include <camber/autograd.h>
#include <camber/error.h>
#include <camber/ops.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "support/compare.h"

namespace camber::testing {
namespace {

constexpr std::size_t samples = 96;

/// u of network.py.
std::uint64_t formula_hash(const std::string& name) {
    std::uint64_t value = 0xCBF29CE484222325;
    for (const char letter : name) value = (value ^ static_cast<unsigned char>(letter)) * 0x100000001B3;
    return value;
}

double formula(std::uint64_t hash, std::uint64_t index) {
    std::uint64_t z = hash + index + 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    z ^= z >> 31;
    return static_cast<double>(z >> 40) * 0x1p-24;
}

std::int64_t count_of(std::string text) {
    std::erase(text, ',');
    return std::stoll(text);
}

std::vector<std::int64_t> shape_of(const std::string& text) {
    std::vector<std::int64_t> shape;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, 'x');) shape.push_back(std::stoll(part));
    return shape;
}

std::string leaf_of(const std::string& name) { return name.substr(name.rfind('.') + 1); }
std::string path_of(const std::string& name) { return name.substr(0, name.rfind('.')); }

bool is_keras_transpose(Library library, const OriginalTensor& tensor) {
    return library == Library::keras && tensor.name.find("transpose.") != std::string::npos && tensor.shape.size() == 4;
}

/// Which axis of the original each of ours is.
std::vector<std::size_t> axes(Library library, const OriginalTensor& tensor) {
    if (tensor.shape.size() == 4) {
        if (library == Library::torch) return {0, 2, 3, 1};            // OIHW to OHWI
        if (is_keras_transpose(library, tensor)) return {3, 0, 1, 2};  // HWOI to IHWO
        return {3, 0, 1, 2};                                           // HWIO to OHWI
    }
    if (tensor.shape.size() == 2) {
        return library == Library::torch ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{1, 0};
    }
    return {0};
}

/// Elements per output channel.
double fan_in(Library library, const OriginalTensor& tensor) {
    const double all = static_cast<double>(
        std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>()));
    if (library == Library::torch) return all / static_cast<double>(tensor.shape.front());
    if (is_keras_transpose(library, tensor)) return all / static_cast<double>(tensor.shape[2]);
    return all / static_cast<double>(tensor.shape.back());
}

/// The values of one parameter by the formula, in the original's layout.
class Formula {
  public:
    /// `bias`: what is added where the parameter is a bias or a mean.
    Formula(Library library, const OriginalTensor& tensor, double gain, double bias)
        : bias_(bias), hash_(formula_hash(tensor.name)) {
        const std::string leaf = leaf_of(tensor.name);
        if (tensor.shape.size() > 1) {
            kind_ = Kind::weight;
            bound_ = std::sqrt(3 * gain / fan_in(library, tensor));
        } else if (leaf == "running_var" || leaf == "moving_variance" || leaf == "weight" || leaf == "gamma") {
            kind_ = Kind::positive;
        }
    }
    float operator()(std::int64_t index) const {
        const double u = formula(hash_, static_cast<std::uint64_t>(index));
        if (kind_ == Kind::weight) return static_cast<float>((2 * u - 1) * bound_);
        return static_cast<float>(kind_ == Kind::positive ? 0.5 + u : 0.2 * (u - 0.5) + bias_);
    }

  private:
    enum class Kind { weight, positive, bias } kind_ = Kind::bias;
    double bias_, bound_ = 0;
    std::uint64_t hash_;
};

/// Calls visit(i, j) for every element: i in our layout, ascending, j in the original's. A PyTorch linear layer after a
/// flatten of [C, 7, 7] is seen as a convolution: ours flattens [7, 7, C].
template <class Visit>
void for_each_index(Library library, OriginalTensor tensor, Visit visit) {
    if (library == Library::torch && tensor.name == "classifier.0.weight" && tensor.shape.size() == 2)
        tensor.shape = {tensor.shape[0], tensor.shape[1] / 49, 7, 7};
    std::array<std::int64_t, 4> extents = {1, 1, 1, 1}, steps = {0, 0, 0, 0};
    const std::vector<std::size_t> order = axes(library, tensor);
    for (std::size_t i = 0; i < order.size(); ++i) {
        extents[4 - order.size() + i] = tensor.shape[order[i]];
        steps[4 - order.size() + i] = std::accumulate(tensor.shape.begin() + static_cast<std::ptrdiff_t>(order[i]) + 1,
                                                      tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
    }
    std::size_t ours = 0;
    for (std::int64_t a = 0; a < extents[0]; ++a)
        for (std::int64_t b = 0; b < extents[1]; ++b)
            for (std::int64_t c = 0; c < extents[2]; ++c)
                for (std::int64_t d = 0; d < extents[3]; ++d)
                    visit(ours++, a * steps[0] + b * steps[1] + c * steps[2] + d * steps[3]);
}

Tensor from(const std::vector<double>& values, const Shape& shape, const nn::ParameterBuffer& like) {
    const Dtype dtype = like.values().dtype();
    const Device device = like.values().device();
    if (dtype == Dtype::f64) return Tensor::from(values, shape, device);
    return Tensor::from(std::vector<float>(values.begin(), values.end()), shape, device);
}

/// first + scale * u, rounded to f32 as the fixtures' was.
std::vector<double> made(const std::string& name, std::int64_t count, double offset, double scale) {
    const std::uint64_t hash = formula_hash(name);
    std::vector<double> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(offset + scale * formula(hash, i));
    return values;
}

/// (2u - 1) / (N H W), times `weight`: the gradient of the logits that the fixtures sent backwards.
std::vector<double> loss_gradient(const std::string& name, const Shape& shape, double weight) {
    const double pixels = static_cast<double>(shape[0] * shape[1] * shape[2]);
    const std::uint64_t hash = formula_hash(name);
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = weight * static_cast<float>((2 * formula(hash, i) - 1) / pixels);
    return values;
}

/// Our network with the original's weights, on the CPU's kernels in f32 or on the reference device in f64.
class Comparison {
  public:
    Comparison(Library library, const SafetensorsFile& file, const nlohmann::json& golden)
        : library_(library),
          file_(file),
          golden_(golden),
          list_(read_original_list(golden.value("list", golden.at("net").get<std::string>()))),
          net_(nets::make_net(golden.at("net"), golden.at("options"))),
          buffer_(*net_, golden.at("dtype") == "f64"
                             ? nn::ParameterBufferOptions{.device = Device::reference, .dtype = Dtype::f64}
                             : nn::ParameterBufferOptions{.device = Device::cpu}) {
        if (golden.at("options").contains("width")) take_our_widths();
        fill();
    }

    Errors run() {
        const Shape shape = {number("batch"), number("height"), number("width"), 3};
        const Tensor x = from(made("input", shape.numel(), golden_.at("offset"), golden_.at("scale")), shape, buffer_);
        {
            const NoGrad no_grad;
            net_->eval();
            compare("eval_logits", values_of(net_->forward(x)));
            net_->train();
        }
        backward_from(net_->forward_all(x));
        compare("grad_first", gradient(golden_.at("first")));
        compare("grad_last", gradient(golden_.at("last")));
        if (has("running")) {
            std::vector<double> sums;
            for (const auto& [name, buffer] : net_->named_buffers()) {
                const std::vector<double> values = values_of(buffer->tensor);
                sums.push_back(std::accumulate(values.begin(), values.end(), 0.0));
            }
            compare("running", sums);
        }
        return errors_;
    }

  private:
    std::int64_t number(const char* key) const { return golden_.at(key).get<std::int64_t>(); }
    std::string key(const std::string& role) const { return golden_.at("name").get<std::string>() + "." + role; }
    bool has(const std::string& role) const { return file_.find(key(role)) != nullptr; }

    const OriginalTensor& original(const std::string& name) const {
        for (const OriginalTensor& tensor : list_.tensors)
            if (tensor.name == name) return tensor;
        fail("the original has no {}", name);
    }
    const Tensor& ours(const OriginalTensor& tensor) const {
        const auto* entry = buffer_.find(our_name(library_, tensor.name));
        if (!entry) fail("our {} has no {}", net_->name(), tensor.name);
        return entry->tensor();
    }

    /// The list is of the network at full width.
    void take_our_widths() {
        for (OriginalTensor& tensor : list_.tensors) {
            const Shape& shape = ours(tensor).shape();
            if (shape.rank() == 4) tensor.shape = {shape[0], shape[3], shape[1], shape[2]};
            if (shape.rank() == 2) tensor.shape = {shape[0], shape[1]};
            if (shape.rank() == 1) tensor.shape = {shape[0]};
        }
    }

    void fill() {
        std::set<std::string> norms;
        for (const OriginalTensor& tensor : list_.tensors) {
            const std::string leaf = leaf_of(tensor.name);
            if (leaf == "running_mean" || leaf == "moving_mean") norms.insert(path_of(tensor.name));
        }
        for (const OriginalTensor& tensor : list_.tensors) {
            const bool in_norm = norms.contains(path_of(tensor.name));
            const Formula value(library_, tensor, golden_.at("gain"),
                                in_norm ? golden_.at("bn_bias").get<double>() : 0.0);
            const auto store = [&](auto* to) {
                for_each_index(library_, tensor, [&](std::size_t i, std::int64_t j) { to[i] = value(j); });
            };
            const Tensor& target = ours(tensor);
            target.dtype() == Dtype::f64 ? store(target.data<double>()) : store(target.data<float>());
        }
        buffer_.mark_changed();
    }

    /// Compares the logits of all heads and sends the fixtures' gradients back through them at once.
    void backward_from(const nets::Outputs& outputs) {
        compare("train_logits", values_of(outputs.logits));
        std::vector<Tensor> heads = {outputs.logits};
        std::vector<Tensor> gradients = {
            from(loss_gradient("loss", outputs.logits.shape(), 1), outputs.logits.shape(), buffer_)};
        for (const auto& [logits, weight] : outputs.auxiliary) {
            compare("aux_logits", values_of(logits));
            heads.push_back(logits);
            gradients.push_back(from(loss_gradient("aux loss", logits.shape(), weight), logits.shape(), buffer_));
        }
        Tensor loss = Tensor::zeros({}, buffer_.values().dtype(), buffer_.values().device());
        record(loss, "loss", heads, [gradients](BackwardContext& context) {
            for (std::size_t i = 0; i < gradients.size(); ++i) context.out(i).copy_from(gradients[i]);
        });
        buffer_.zero_grad();
        backward(loss);
    }

    /// In the original's layout.
    std::vector<double> gradient(const std::string& name) const {
        const OriginalTensor& tensor = original(name);
        const std::vector<double> ours_flat = values_of(ours(tensor).grad());
        std::vector<double> theirs(ours_flat.size());
        for_each_index(library_, tensor,
                       [&](std::size_t i, std::int64_t j) { theirs[static_cast<std::size_t>(j)] = ours_flat[i]; });
        return theirs;
    }

    void compare(const std::string& role, const std::vector<double>& values) {
        const std::vector<double> expected = values_of(file_.read(key(role), Device::cpu));
        const std::vector<double> sums = values_of(file_.read(key(role) + "_sums", Device::cpu));
        const auto count = static_cast<double>(values.size());
        const std::size_t step = std::max<std::size_t>(1, values.size() / samples);
        const double rms = std::sqrt(sums[1] / count);
        double largest = rms, worst = 0, sum = 0, squares = 0;
        for (const double e : expected) largest = std::max(largest, std::abs(e));
        for (std::size_t i = 0; i < expected.size(); ++i)
            worst = std::max(worst, std::abs(values.at(i * step) - expected[i]) / largest);
        for (const double v : values) sum += v, squares += v * v;
        errors_[role] =
            std::max({worst, std::abs(sum - sums[0]) / (rms * count), std::abs(squares - sums[1]) / (2 * sums[1])});
    }

    Library library_;
    const SafetensorsFile& file_;
    const nlohmann::json& golden_;
    OriginalList list_;
    std::unique_ptr<nets::Net> net_;
    nn::ParameterBuffer buffer_;
    Errors errors_;
};

}  // namespace

OriginalList read_original_list(const std::string& net) {
    const std::filesystem::path file = std::filesystem::path(CAMBER_TEST_FIXTURES) / "nets" / (net + ".tsv");
    std::ifstream stream(file);
    if (!stream) fail("{}: cannot be read", file.string());
    OriginalList list;
    bool header = true;
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        std::string first, second, third;
        words >> first >> second >> third;
        if (first == "#") {
            if (second == "total") list.total = count_of(third);
            if (second == "trainable") list.trainable = count_of(third);
        } else if (!std::exchange(header, false)) {
            list.tensors.push_back({first, shape_of(second), third == "yes"});
        }
    }
    return list;
}

std::string our_name(Library library, const std::string& original) {
    if (library == Library::torch) return original;
    static const std::vector<std::pair<std::string, std::string>> leaves = {{"kernel", "weight"},
                                                                            {"bias", "bias"},
                                                                            {"gamma", "weight"},
                                                                            {"beta", "bias"},
                                                                            {"moving_mean", "running_mean"},
                                                                            {"moving_variance", "running_var"}};
    for (const auto& [theirs, ours] : leaves) {
        if (leaf_of(original) == theirs) return path_of(original) + "." + ours;
    }
    fail("'{}' ends in no name that Keras gives weights", original);
}

Shape our_shape(Library library, const OriginalTensor& tensor) {
    std::vector<std::int64_t> e;
    for (const std::size_t axis : axes(library, tensor)) e.push_back(tensor.shape[axis]);
    if (e.size() == 4) return {e[0], e[1], e[2], e[3]};
    if (e.size() == 2) return {e[0], e[1]};
    return {e[0]};
}

Errors compare_with_original(Library library, const SafetensorsFile& file, const nlohmann::json& golden) {
    return Comparison(library, file, golden).run();
}

}  // namespace camber::testing
