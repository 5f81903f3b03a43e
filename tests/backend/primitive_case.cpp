#include "backend/primitive_case.h"

#include <doctest/doctest.h>
#include <omp.h>

#include <cstddef>
#include <cstdlib>
#include <map>

#include "backend/profiler.h"
#include "support/compare.h"
#include "support/devices.h"

namespace camber::testing {
namespace {

constexpr std::int64_t margin = 64;  // elements before and after every output that must stay as they are
constexpr int canary = 77;

/// Inputs rounded to bf16 first where `rounded`, so that no difference comes from them.
Tensor make_input(const Input& input, Dtype activation, Device device, bool rounded) {
    if (input.kind == Kind::u8 || input.kind == Kind::i32) return input.values().to(device).clone();
    const Dtype coarse = rounded && input.kind == Kind::activation ? Dtype::bf16 : Dtype::f32;
    const Dtype exact = input.kind == Kind::f64 ? Dtype::f64 : coarse;
    return converted(converted(input.values(), exact, Device::reference), dtype_of_kind(input.kind, activation),
                     device);
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
std::vector<GuardedOutput> run(const PrimitiveCase& c, Dtype dtype, Device device, bool rounded) {
    Tensors in, out;
    for (const Input& input : c.inputs) in.push_back(make_input(input, dtype, device, rounded));
    std::vector<GuardedOutput> guarded;
    for (const Output& output : c.outputs) {
        guarded.emplace_back(output, dtype, device);
        out.push_back(guarded.back().output);
    }
    const auto call = [&] {
        if (c.prepare) c.prepare(backend(device), in, out);
        c.run(backend(device), in, out);
    };
    INFO(c.name() << ", " << run_name(dtype, device));
    if (device == Device::reference) {
        if (c.prepare) c.prepare(backend(device), in, out);
        const ProfileScope scope(device);
        c.run(backend(device), in, out);
        const Profile& profile = scope.profile();
        CHECK_MESSAGE((profile.size() == 1 && profile.begin()->first == c.primitive), "runs something else");
        return guarded;
    }
    call();
    std::vector<Bytes> first;
    for (const GuardedOutput& g : guarded) {
        CHECK_MESSAGE(g.intact(), "elements outside an output were written");
        first.push_back(bytes_of(g.output));
    }
    const std::uint64_t allocations = device_memory(device).stats().allocations;
    call();
    if (!std::getenv("CAMBER_MEMORY"))  // else every tensor is the system's
        CHECK_MESSAGE(device_memory(device).stats().allocations == allocations,
                      "a second run asked the system for memory");
    const auto same_bits = [&](const std::string& of) {
        for (std::size_t i = 0; i < guarded.size(); ++i)
            CHECK_MESSAGE(bytes_of(guarded[i].output) == first[i], of << " gave other bits");
    };
    same_bits("a second run");
    if (device != Device::cpu) return guarded;
    const int threads = omp_get_max_threads();
    for (const int other : {1, 2, 3, 8}) {
        if (other == threads) continue;
        omp_set_num_threads(other);
        call();
        same_bits(fmt::format("{} threads", other));
    }
    omp_set_num_threads(threads);
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

void check(const PrimitiveCase& c, Device device, Dtype dtype) {
    const bool rounded = dtype == Dtype::bf16;
    const auto expected = run(c, Dtype::f64, Device::reference, rounded), actual = run(c, dtype, device, rounded);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::string& output = c.outputs[i].name;
        INFO(c.name() << ", " << output << ", " << run_name(dtype, device) << ": "
                      << describe_difference(actual[i].output, expected[i].output));
        const double error = relative_error(actual[i].output, expected[i].output);
        CHECK(error <= (rounded ? c.bf16_tolerance : c.f32_tolerance));
        errors.add(run_name(dtype, device), error, c.name() + ", " + output);
    }
}

}  // namespace

void check(const Cases& cases) {
    for (const PrimitiveCase& c : cases)
        for (const Device device : computing_devices())
            for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
                if (device != Device::reference && backend(device).why_not_in(dtype).empty()) check(c, device, dtype);
}

}  // namespace camber::testing
