#include "backend/primitive.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdlib>
#include <map>

#include "support/compare.h"
#include "support/devices.h"

namespace camber::testing {
namespace {

constexpr std::int64_t margin = 64;  // elements before and after every output that must stay as they are
constexpr int canary = 77;

Dtype dtype_of_kind(Kind kind, Dtype activation) {
    switch (kind) {
        case Kind::activation:
            return activation;
        case Kind::parameter:
            return parameter_dtype(activation);
        case Kind::f64:
            return Dtype::f64;
        case Kind::i32:
            return Dtype::i32;
        case Kind::u8:
            break;
    }
    return Dtype::u8;
}

/// Inputs rounded to bf16 first where `rounded`, so that no difference comes from them.
Tensor make_input(const Input& input, Dtype activation, Device device, bool rounded) {
    if (input.kind == Kind::u8 || input.kind == Kind::i32) return input.values.to(device).clone();
    const Dtype coarse = rounded && input.kind == Kind::activation ? Dtype::bf16 : Dtype::f32;
    const Dtype exact = input.kind == Kind::f64 ? Dtype::f64 : coarse;
    return converted(converted(input.values, exact, Device::reference), dtype_of_kind(input.kind, activation), device);
}

/// An output in the middle of a larger buffer, all of it a canary.
struct GuardedOutput {
    Tensor buffer, output;

    GuardedOutput(const Output& o, Dtype activation, Device device)
        : buffer(Tensor::empty({o.shape.numel() + 2 * margin}, dtype_of_kind(o.kind, activation), device)),
          output(buffer.slice(margin, o.shape)) {
        backend(device).fill(buffer, canary);
    }
    bool intact() const {
        const auto all = values_of(buffer);
        for (std::int64_t i = 0; i < margin; ++i)
            if (all[static_cast<std::size_t>(i)] != canary ||
                all[all.size() - 1 - static_cast<std::size_t>(i)] != canary)
                return false;
        return true;
    }
};

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const Tensor& tensor) {
    Bytes bytes(tensor.bytes());
    device_memory(tensor.device()).copy_to_host(bytes.data(), tensor.raw(), bytes.size());
    return bytes;
}

/// The outputs of a run, and of running it again on the same tensors.
std::vector<GuardedOutput> run(const Primitive& primitive, Dtype dtype, Device device, bool rounded) {
    Tensors in, out;
    for (const Input& input : primitive.inputs) in.push_back(make_input(input, dtype, device, rounded));
    std::vector<GuardedOutput> guarded;
    for (const Output& output : primitive.outputs) {
        guarded.emplace_back(output, dtype, device);
        out.push_back(guarded.back().output);
    }
    primitive.run(backend(device), in, out);
    if (device == Device::reference) return guarded;

    INFO(primitive.name << ", " << run_name(dtype, device));
    std::vector<Bytes> first;
    for (const GuardedOutput& g : guarded) {
        CHECK_MESSAGE(g.intact(), "elements outside an output were written");
        first.push_back(bytes_of(g.output));
    }
    const std::uint64_t allocations = device_memory(device).stats().allocations;
    primitive.run(backend(device), in, out);
    if (!std::getenv("CAMBER_MEMORY"))  // else every tensor is the system's
        CHECK_MESSAGE(device_memory(device).stats().allocations == allocations,
                      "a second run asked the system for memory");
    for (std::size_t i = 0; i < guarded.size(); ++i)
        CHECK_MESSAGE(bytes_of(guarded[i].output) == first[i], "a second run gave other bits");
    return guarded;
}

/// With CAMBER_TEST_ERRORS set, the largest error of every device and dtype is printed when the tests end.
class ErrorLog {
  public:
    ~ErrorLog() {
        if (!std::getenv("CAMBER_TEST_ERRORS")) return;
        for (const auto& [run, worst] : worst_) fmt::print("{}: {:.2g} in {}\n", run, worst.first, worst.second);
    }
    void add(const std::string& run, double error, const std::string& where) {
        auto& worst = worst_[run];
        if (error >= worst.first) worst = {error, where};
    }

  private:
    std::map<std::string, std::pair<double, std::string>> worst_;
};
ErrorLog errors;

}  // namespace

void check(const Primitive& primitive) {
    for (const Device device : computing_devices()) {
        if (device == Device::reference) continue;
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            if (!backend(device).why_not_in(dtype).empty()) continue;
            const bool rounded = dtype == Dtype::bf16;
            const auto expected = run(primitive, Dtype::f64, Device::reference, rounded);
            const auto actual = run(primitive, dtype, device, rounded);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                const std::string& output = primitive.outputs[i].name;
                INFO(primitive.name << ", " << output << ", " << run_name(dtype, device) << ": "
                                    << describe_difference(actual[i].output, expected[i].output));
                const double error = relative_error(actual[i].output, expected[i].output);
                CHECK(error <= (rounded ? primitive.bf16_tolerance : primitive.f32_tolerance));
                errors.add(run_name(dtype, device), error, primitive.name + ", " + output);
            }
        }
    }
}

}  // namespace camber::testing
