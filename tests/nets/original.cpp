#include "original.h"

#include <camber/autograd.h>
#include <camber/error.h>
#include <camber/import.h>
#include <camber/parameter_buffer.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "support/compare.h"

namespace camber::testing {
namespace {

constexpr std::size_t samples = 64;

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

/// u of network.py.
std::vector<double> uniform(const std::string& name, std::int64_t count) {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3;
    std::vector<double> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::uint64_t z = hash + i + 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        z ^= z >> 31;
        values[i] = static_cast<double>(z >> 40) * 0x1p-24;
    }
    return values;
}

/// The gradient of the logits that the original sent backwards, times `weight`.
std::vector<double> loss_gradient(const std::string& name, const Shape& shape, double weight) {
    const double pixels = static_cast<double>(shape[0] * shape[1] * shape[2]);
    std::vector<double> values = uniform(name, shape.numel());
    for (double& value : values) value = weight * static_cast<float>((2 * value - 1) / pixels);
    return values;
}

double sum_of(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum;
}

/// std::max that lets NaN through.
double worse(double a, double b) { return a >= b ? a : b; }

class Comparison {
  public:
    Comparison(const std::filesystem::path& folder, const SafetensorsFile& file, const nlohmann::json& golden,
               Dtype dtype)
        : file_(file),
          golden_(golden),
          net_(nets::make_net(golden.at("net"), golden.at("options"))),
          buffer_(imported(folder), {.device = dtype == Dtype::f64 ? Device::reference : Device::cpu, .dtype = dtype}) {
    }

    Errors run() {
        const Tensor x = image();
        {
            const NoGrad no_grad;
            net_->eval();
            compare("eval_logits", net_->forward(x));
        }
        if (!has("train_logits")) return errors_;
        net_->train();
        backward_from(net_->forward_all(x));
        compare("grad_first", gradient("first"));
        compare("grad_last", gradient("last"));
        compare_statistics();
        return errors_;
    }

  private:
    nets::Net& imported(const std::filesystem::path& folder) {
        const auto weights = WeightFile::open(folder / golden_.at("file").get<std::string>());
        import_weights(*weights, *net_, {.strict = true});
        return *net_;
    }

    std::int64_t number(const char* key) const { return golden_.at(key).get<std::int64_t>(); }
    std::string key(const std::string& role) const { return golden_.at("name").get<std::string>() + "." + role; }
    bool has(const std::string& role) const { return file_.find(key(role)) != nullptr; }
    std::vector<double> expected(const std::string& role) const {
        return values_of(file_.read(key(role), Device::cpu));
    }

    Tensor tensor(const std::vector<double>& values, const Shape& shape) const {
        const Device device = buffer_.values().device();
        if (buffer_.values().dtype() == Dtype::f64) return Tensor::from(values, shape, device);
        return Tensor::from(std::vector<float>(values.begin(), values.end()), shape, device);
    }

    Tensor image() const {
        const Shape shape = {number("batch"), number("height"), number("width"), 3};
        const double offset = golden_.at("offset"), scale = golden_.at("scale");
        std::vector<double> values = uniform(golden_.at("image"), shape.numel());
        for (double& value : values) value = static_cast<float>(offset + scale * value);
        return tensor(values, shape);
    }

    Tensor gradient(const char* which) const {
        return buffer_.find(golden_.at(which).get<std::string>())->tensor().grad();
    }

    /// Compares the logits of all heads and sends the original's gradients back through them at once.
    void backward_from(const nets::Outputs& outputs) {
        compare("train_logits", outputs.logits);
        std::vector<Tensor> heads = {outputs.logits};
        std::vector<Tensor> gradients = {
            tensor(loss_gradient("loss", outputs.logits.shape(), 1), outputs.logits.shape())};
        for (const auto& [logits, weight] : outputs.auxiliary) {
            compare("aux_logits", logits);
            heads.push_back(logits);
            gradients.push_back(tensor(loss_gradient("aux loss", logits.shape(), weight), logits.shape()));
        }
        Tensor loss = Tensor::zeros({}, buffer_.values().dtype(), buffer_.values().device());
        record(loss, heads, [gradients](BackwardContext& context) {
            for (std::size_t i = 0; i < gradients.size(); ++i) context.out(i).copy_from(gradients[i]);
        });
        buffer_.zero_grad();
        backward(loss);
    }

    void compare(const std::string& role, const Tensor& ours) {
        const std::vector<double> values = values_of(ours), some = expected(role), sums = expected(role + "_sums");
        const auto count = static_cast<double>(values.size());
        std::size_t step = std::max<std::size_t>(1, values.size() / samples);
        while (std::gcd(step, values.size()) > 1) --step;
        const double rms = std::sqrt(sums[1] / count);
        double largest = rms, error = 0, squares = 0;
        for (const double e : some) largest = std::max(largest, std::abs(e));
        for (std::size_t i = 0; i < some.size(); ++i) {
            error = worse(std::abs(values.at(i * step) - some[i]) / largest, error);
        }
        for (const double v : values) squares += v * v;
        error = worse(std::abs(sum_of(values) - sums[0]) / (rms * count), error);
        errors_[role] = worse(std::abs(squares - sums[1]) / (2 * sums[1]), error);
    }

    /// Sum and sum of absolutes of each, in the order of their names.
    void compare_statistics() {
        std::map<std::string, const nn::Parameter*> buffers;
        for (const auto& [name, buffer] : net_->named_buffers()) buffers[name] = buffer;
        if (buffers.empty()) return;
        const std::vector<double> sums = expected("running");
        if (sums.size() != 2 * buffers.size()) fail("the original has {} running statistics", sums.size() / 2);
        std::size_t i = 0;
        double error = 0;
        for (const auto& [name, buffer] : buffers) {
            error = worse(std::abs(sum_of(values_of(buffer->tensor)) - sums[i]) / sums[i + 1], error);
            i += 2;
        }
        errors_["running"] = error;
    }

    const SafetensorsFile& file_;
    const nlohmann::json& golden_;
    std::unique_ptr<nets::Net> net_;
    nn::ParameterBuffer buffer_;
    Errors errors_;
};

std::string leaf_of(const std::string& name) { return name.substr(name.rfind('.') + 1); }
std::string path_of(const std::string& name) { return name.substr(0, name.rfind('.')); }

/// Which axis of the original each of ours is.
std::vector<std::size_t> axes(Library library, const OriginalTensor& tensor) {
    const bool torch = library == Library::torch;
    if (tensor.shape.size() == 4 && torch) return {0, 2, 3, 1};  // OIHW to OHWI
    if (tensor.shape.size() == 4) return {3, 0, 1, 2};           // HWIO to OHWI, and transposed HWOI to IHWO
    if (tensor.shape.size() == 2 && !torch) return {1, 0};
    return tensor.shape.size() == 2 ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{0};
}

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

Errors compare_with_original(const std::filesystem::path& folder, const SafetensorsFile& file,
                             const nlohmann::json& golden, Dtype dtype) {
    return Comparison(folder, file, golden, dtype).run();
}

}  // namespace camber::testing
