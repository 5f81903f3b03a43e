#include "kernels/primitive_rates.h"

#include <fmt/format.h>

#include <camber/error.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "backend/cpu/peak.h"
#include "backend/profiler.h"
#include "kernels/matrix_rate.h"
#include "kernels/time_beside.h"

namespace camber::bench {
namespace {

using namespace camber::testing;
using nlohmann::json;

/// What a device does at most: calls of it, and how much one does.
struct Ceiling {
    std::function<void()> call;
    double amount;  ///< bytes, or operations

    double rate(Device device, const Rounds& rounds) const {
        return amount / (device == Device::cpu ? time_beside(
                                                     call, [] {}, rounds)
                                                     .call.median
                                               : time_call(device, call, rounds));
    }
};

/// A copy within device memory, by all threads where it is the host's; bytes that are read and those that are written.
Ceiling copying(Device device, std::int64_t bytes) {
    constexpr std::int64_t row = 256;
    const Shape shape{bytes / row, row};
    const Tensor from = Tensor::empty(shape, Dtype::u8, device), to = Tensor::empty(shape, Dtype::u8, device);
    backend(device).fill(from, 7);
    backend(device).fill(to, 7);
    const auto call = [=] {
        if (device == Device::cpu) {
            backend(device).copy_channels(from, 0, to, 0, row, {});
        } else {
            to.copy_from(from);
        }
    };
    return {call, 2.0 * static_cast<double>(from.bytes())};
}

/// Fused multiply-adds in the host's registers, by all threads.
Ceiling multiplying() {
    constexpr std::int64_t rounds = 100'000;
    return {[] { cpu::multiply_add(rounds); }, cpu::multiply_add(1) * static_cast<double>(rounds)};
}

/// The figures as people read them, or an object a line; each there as soon as it is known.
class Printer {
  public:
    explicit Printer(bool as_json) : as_json_(as_json) {}
    void print(const json& object, const std::string& text) const {
        fmt::print("{}\n", as_json_ ? object.dump() : text);
        std::fflush(stdout);
    }

  private:
    bool as_json_;
};

void print_matrix_rates(Device device, std::int64_t n, const Rounds& rounds, const Printer& printer) {
    struct {
        const char* name;
        Dtype dtype;
        bool tf32;
    } constexpr products[] = {{"bf16", Dtype::bf16, false}, {"tf32", Dtype::f32, true}, {"f32", Dtype::f32, false}};
    for (const auto& product : products) {
        const MatrixRate rate = matrix_rate(device, product.dtype, product.tf32, n, rounds);
        if (rate.why_absent.empty()) {
            printer.print({{"matrix", product.name}, {"n", n}, {"operations_per_second", rate.operations_per_second}},
                          fmt::format("matrix rate, {}: {:.1f} TFLOP/s ([{}, {}] by [{}, {}], cuBLASLt's {})",
                                      product.name, rate.operations_per_second / 1e12, n, n, n, n, rate.algorithm));
        } else {
            printer.print({{"matrix", product.name}, {"why_absent", rate.why_absent}},
                          fmt::format("matrix rate, {}: absent: {}", product.name, rate.why_absent));
        }
    }
}

/// A case's tensors on the device: random values, a million of them repeated, as zeros would be faster than real data;
/// labels in runs, as in pictures.
Tensor make_input(const Input& input, Dtype dtype, Device device) {
    constexpr std::int64_t block = 1 << 20;
    if (input.classes > 0) {
        std::vector<std::uint8_t> ids(static_cast<std::size_t>(input.shape.numel()));
        for (std::size_t i = 0; i < ids.size(); ++i)
            ids[i] = static_cast<std::uint8_t>(i / 37 % static_cast<std::size_t>(input.classes));
        return Tensor::from(ids, input.shape, device);
    }
    if (input.kind == Kind::u8) return input.values().to(device);
    const Tensor t = Tensor::empty(input.shape, dtype_of_kind(input.kind, dtype), device);
    const std::int64_t distinct = std::min(block, t.numel());
    const Tensor exact = t.numel() <= block ? input.values() : uniform({block}, 1, input.low, input.high);
    const std::vector<double> values = exact.to_vector<double>();
    const Tensor some = Tensor::from(std::vector<float>(values.begin(), values.end()), {distinct}, device);
    for (std::int64_t done = 0; done < t.numel();) {
        const std::int64_t part = std::min(distinct, t.numel() - done);
        backend(device).cast(some.slice(0, {part}), t.slice(done, {part}));
        done += part;
    }
    return t;
}

/// Calls of `primitive` alone, ready to be timed, and the bytes that one must move.
struct Prepared {
    std::function<void()> call;
    double bytes;
};

Prepared prepare(const PrimitiveCase& c, Dtype dtype, Device device) {
    Tensors in, out;
    for (const Input& input : c.inputs) in.push_back(make_input(input, dtype, device));
    for (const Output& output : c.outputs)
        out.push_back(Tensor::empty(output.shape, dtype_of_kind(output.kind, dtype), device));
    if (c.prepare) c.prepare(backend(device), in, out);
    const ProfileScope scope(device);
    c.run(backend(device), in, out);
    return {[=] { c.run(backend(device), in, out); }, static_cast<double>(scope.profile().at(c.primitive).bytes)};
}

/// Whether its dtype is that of activations.
bool has_activations(const PrimitiveCase& c) {
    const auto is_one = [](const auto& operand) { return operand.kind == Kind::activation; };
    return std::any_of(c.inputs.begin(), c.inputs.end(), is_one) ||
           std::any_of(c.outputs.begin(), c.outputs.end(), is_one);
}

bool is_wanted(const PrimitiveCase& c, const std::vector<std::string>& names) {
    return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
               return c.name().find(name) != std::string::npos;
           });
}

/// What a device does at most.
struct Ceilings {
    Ceiling copy, multiply;
    double copy_rate;
};

void print_primitive(const PrimitiveCase& c, Dtype dtype, Device device, const Ceilings& ceilings, const Rounds& rounds,
                     const Printer& printer) {
    const Prepared prepared = prepare(c, dtype, device);
    json object = {
        {"primitive", c.name()}, {"dtype", name(dtype)}, {"bytes", prepared.bytes}, {"operations", c.operations}};
    double seconds = 0, copy_rate = ceilings.copy_rate;
    std::string of_peak;
    if (device == Device::cpu) {
        const bool multiplies = c.operations > 0;
        const Ceiling& ceiling = multiplies ? ceilings.multiply : ceilings.copy;
        const Beside beside = time_beside(prepared.call, ceiling.call, rounds);
        seconds = beside.call.median;
        const double rate = ceiling.amount / beside.other.median;
        if (multiplies) {
            object["share_of_multiply_add_rate"] = c.operations / seconds / rate;
            of_peak = fmt::format("{:.0f}%", 100 * c.operations / seconds / rate);
        } else {
            copy_rate = rate;
        }
    } else {
        seconds = time_call(device, prepared.call, rounds);
    }
    const double rate = prepared.bytes / seconds, share = rate / copy_rate;
    object["milliseconds"] = seconds * 1e3;
    object["share_of_copy_bandwidth"] = share;
    printer.print(object,
                  fmt::format("{:<82} {:>5} {:>10.4f} {:>8.0f} {:>7.0f}% {:>8} {:>8}", c.name(), name(dtype),
                              seconds * 1e3, rate / 1e9, 100 * share,
                              c.operations > 0 ? fmt::format("{:.2f}", c.operations / seconds / 1e12) : "", of_peak));
}

Device device_of(const std::string& chosen) {
    if (chosen.empty()) return has_backend(Device::cuda) ? Device::cuda : Device::cpu;
    const Device device = parse_device(chosen);
    if (device != Device::cuda && device != Device::cpu && device != Device::emulated)
        fail_usage("primitives are timed on the devices cpu, cuda and emulated");
    if (!has_backend(device)) fail("{}", why_no_backend(device));
    return device;
}

}  // namespace

void print_primitive_rates(const PrimitiveOptions& options) {
    const Device device = device_of(options.device);
    const Level& level = options.level;
    const Rounds& rounds = options.rounds;
    Cases cases = primitive_cases(level);
    std::erase_if(cases, [&](const PrimitiveCase& c) { return !is_wanted(c, options.names); });
    if (cases.empty()) fail_usage("no primitive's name has '{}' in it", fmt::join(options.names, "', '"));
    const Printer printer(options.as_json);
    if (!options.as_json) fmt::print("{}: {}\n", name(device), backend(device).describe());
    // As many bytes as the largest case touches, so that caches matter no more to the copy than to the kernels.
    const std::int64_t bytes = level.elements() * 4;
    Ceilings ceilings = {copying(device, bytes), device == Device::cpu ? multiplying() : Ceiling{}, 0};
    ceilings.copy_rate = ceilings.copy.rate(device, rounds);
    json object = {{"device", backend(device).describe()},
                   {"copy_bytes_per_second", ceilings.copy_rate},
                   {"batch", level.batch},
                   {"size", level.pixels},
                   {"channels", level.channels}};
    std::string text = fmt::format("copy bandwidth {:.1f} GB/s (read and written, {:.0f} MB each)",
                                   ceilings.copy_rate / 1e9, static_cast<double>(bytes) / 1e6);
    if (device == Device::cpu) {
        const double rate = ceilings.multiply.rate(device, rounds);
        object["multiply_add_operations_per_second"] = rate;
        text += fmt::format(", multiply-adds in registers {:.3f} TFLOP/s", rate / 1e12);
    }
    printer.print(object, text);
    if (options.rates_only) {
        if (device != Device::cpu) print_matrix_rates(device, options.matrix, rounds, printer);
        return;
    }
    if (!options.as_json)
        fmt::print("\n{:<82} {:>5} {:>10} {:>8} {:>8} {:>8} {:>8}\n", "primitive", "dtype", "ms", "GB/s", "of copy",
                   "TFLOP/s", device == Device::cpu ? "of peak" : "");
    for (const Dtype dtype : {Dtype::bf16, Dtype::f32})
        for (const PrimitiveCase& c : cases)
            if (dtype == Dtype::f32 || has_activations(c)) print_primitive(c, dtype, device, ceilings, rounds, printer);
}

}  // namespace camber::bench
