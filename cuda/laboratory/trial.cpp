#include "cuda/laboratory/trial.h"

#include <camber/bf16.h>
#include <camber/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace camber::laboratory {
namespace {

/// Numbers of [0, 1) that look random; the same for the same `seed` and `i` everywhere.
double number(std::uint64_t seed, std::uint64_t i) {
    std::uint64_t x = (seed << 40) + i + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

template <class T, class From>
Tensor tensor_of(const std::vector<From>& values, const Shape& shape, Device device) {
    return Tensor::from(std::vector<T>(values.begin(), values.end()), shape, device);
}

/// The values of an operand, rounded to its dtype.
std::vector<double> values_for(const Operand& operand, std::uint64_t seed) {
    std::vector<double> values(static_cast<std::size_t>(operand.shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double x = operand.low + (operand.high - operand.low) * number(seed, i);
        switch (operand.dtype) {
            case Dtype::u8:
                values[i] = std::floor(number(seed, i / 7) * operand.high);  // runs of labels, as in pictures
                break;
            case Dtype::bf16:
                values[i] = static_cast<float>(bf16(static_cast<float>(x)));
                break;
            default:
                values[i] = static_cast<float>(x);
        }
    }
    return values;
}

Tensor make(const Operand& operand, const std::vector<double>& values, Device device) {
    const bool is_reference = device == Device::reference;
    switch (operand.dtype) {
        case Dtype::u8:
            return tensor_of<std::uint8_t>(values, operand.shape, device);
        case Dtype::bf16:
        case Dtype::f32:
            if (is_reference) return tensor_of<double>(values, operand.shape, device);
            if (operand.dtype == Dtype::f32) return tensor_of<float>(values, operand.shape, device);
            return tensor_of<bf16>(std::vector<float>(values.begin(), values.end()), operand.shape, device);
        default:
            return tensor_of<double>(values, operand.shape, device);
    }
}

Tensors make_all(const std::vector<Operand>& operands, Device device) {
    Tensors tensors;
    for (std::size_t i = 0; i < operands.size(); ++i)
        tensors.push_back(make(operands[i], values_for(operands[i], i + 1), device));
    return tensors;
}

/// Not zeros, which an output that nothing wrote might be expected to be.
Tensors filled(const std::vector<Operand>& operands, Device device) {
    Tensors tensors;
    for (const Operand& operand : operands)
        tensors.push_back(
            make(operand, std::vector<double>(static_cast<std::size_t>(operand.shape.numel()), 3), device));
    return tensors;
}

std::vector<double> values_of(const Tensor& tensor) {
    const auto widened = [](const auto& values) { return std::vector<double>(values.begin(), values.end()); };
    switch (tensor.dtype()) {
        case Dtype::bf16:
            return widened(tensor.to_vector<bf16>());
        case Dtype::f32:
            return widened(tensor.to_vector<float>());
        case Dtype::f64:
            return tensor.to_vector<double>();
        case Dtype::i32:
            return widened(tensor.to_vector<std::int32_t>());
        case Dtype::u8:
            return widened(tensor.to_vector<std::uint8_t>());
    }
    return {};
}

double error_of(const std::vector<double>& actual, const std::vector<double>& expected) {
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        if (!std::isfinite(actual[i])) return std::numeric_limits<double>::infinity();
        largest = std::max(largest, std::abs(expected[i]));
        difference = std::max(difference, std::abs(actual[i] - expected[i]));
    }
    return largest > 0 ? difference / largest : difference;
}

std::vector<std::int64_t> checked(const Experiment& experiment, const std::vector<std::int64_t>& shape) {
    constexpr std::int64_t most = 1 << 30;  // versions count in int
    std::int64_t product = 1;
    for (const std::int64_t n : shape) product = n < 1 || n > most / product ? most + 1 : product * n;
    if (shape.size() != experiment.counted.size() || product > most)
        throw UsageError(fmt::format("a shape of {} is {}: numbers of at least 1, whose product is at most {}",
                                     experiment.name, experiment.axes, most));
    return shape;
}

}  // namespace

Trial::Trial(const Experiment& experiment, const std::vector<std::int64_t>& shape, Device device)
    : experiment_(experiment),
      problem_(experiment.make(checked(experiment, shape))),
      device_(device),
      versions_(versions(experiment, device)),
      in_(make_all(problem_.in, device)),
      out_(filled(problem_.out, device)) {
    for (std::size_t i = 0; i < versions_.size(); ++i)
        if (versions_[i]->number != static_cast<int>(i) + 1)
            fail("the versions of {} are not numbered 1, 2, 3, ...", experiment.name);
    if (problem_.bytes == 0) problem_.bytes = bytes_of(problem_.in) + bytes_of(problem_.out);
    const Tensors in = make_all(problem_.in, Device::reference), out = filled(problem_.out, Device::reference);
    problem_.primitive(backend(Device::reference), in, out);
    for (const Tensor& tensor : out) expected_.push_back(values_of(tensor));
}

std::string Trial::what(int version) const {
    return version == count() ? "shipped: " + experiment_.shipped
                              : versions_[static_cast<std::size_t>(version) - 1]->what;
}

void Trial::run(int version, const Tensors& in, const Tensors& out) const {
    if (version == count()) {
        problem_.primitive(backend(device_), in, out);
    } else {
        versions_[static_cast<std::size_t>(version) - 1]->run(in, out);
    }
}

double Trial::error(int version) {
    out_ = filled(problem_.out, device_);
    run(version, in_, out_);
    double largest = 0;
    for (std::size_t i = 0; i < out_.size(); ++i)
        largest = std::max(largest, error_of(values_of(out_[i]), expected_[i]));
    return largest;
}

std::vector<emulator::LaunchCounts> Trial::count_accesses(int version) {
#if defined(__SANITIZE_ADDRESS__)
    fail("kernels are not counted in a build under AddressSanitizer");
#endif
    const emulator::Counting counting;
    run(version, in_, out_);
    return counting.launches();
}

std::vector<double> Trial::time(int version, int rounds) {
    constexpr int sets = 4, runs = 20;
    std::vector<std::pair<Tensors, Tensors>> operands = {{in_, out_}};
    for (int i = 1; i < sets; ++i) {
        operands.emplace_back();
        for (const Tensor& tensor : in_) operands.back().first.push_back(tensor.clone());
        for (const Tensor& tensor : out_) operands.back().second.push_back(tensor.clone());
    }
    const auto run_all = [&] {
        for (int i = 0; i < runs; ++i) run(version, operands[i % sets].first, operands[i % sets].second);
    };
    run_all();
    const auto timeline = backend(device_).timeline();
    timeline->mark();
    for (int i = 0; i < rounds; ++i) {
        run_all();
        timeline->mark();
    }
    const std::vector<double> marks = timeline->seconds();
    std::vector<double> times;
    for (std::size_t i = 1; i < marks.size(); ++i) times.push_back((marks[i] - marks[i - 1]) / runs);
    std::sort(times.begin(), times.end());
    return times;
}

std::string Trial::operand_at(const void* address) const {
    const auto holds = [address](const Tensor& tensor) {
        const auto* const first = static_cast<const char*>(tensor.raw());
        return address >= first && address < first + tensor.bytes();
    };
    for (std::size_t i = 0; i < in_.size(); ++i)
        if (holds(in_[i])) return problem_.in[i].name;
    for (std::size_t i = 0; i < out_.size(); ++i)
        if (holds(out_[i])) return problem_.out[i].name;
    return "scratch";
}

}  // namespace camber::laboratory
