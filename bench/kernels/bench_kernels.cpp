// Times every primitive of a device at the sizes of a U-Net's largest level and sets the memory-bound ones beside the
// device's own copy bandwidth. `bench_kernels --help` lists the options; bench/gpu_check runs it on a GPU.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "backend/cases.h"
#include "backend/profiler.h"
#include "kernels/matrix_rate.h"
#include "kernels/time_call.h"

using namespace camber;
using namespace camber::bench;
using namespace camber::testing;
using nlohmann::json;

namespace {

/// Bytes a second of a copy within device memory, counting those read and those written.
double copy_bandwidth(Device device, std::size_t bytes, const Rounds& rounds) {
    const auto count = static_cast<std::int64_t>(bytes);
    const Tensor from = Tensor::empty({count}, Dtype::u8, device), to = Tensor::empty({count}, Dtype::u8, device);
    backend(device).fill(from, 7);
    const double seconds = time_call(
        device, [&] { to.copy_from(from); }, rounds);
    return 2 * static_cast<double>(bytes) / seconds;
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

void print_primitives(Device device, const Level& level, const std::string& filter, double bandwidth,
                      const Rounds& rounds, const Printer& printer) {
    for (const Dtype dtype : {Dtype::bf16, Dtype::f32}) {
        for (const PrimitiveCase& c : primitive_cases(level)) {
            if (c.name().find(filter) == std::string::npos || (dtype == Dtype::bf16 && !has_activations(c))) continue;
            const Prepared prepared = prepare(c, dtype, device);
            const double seconds = time_call(device, prepared.call, rounds);
            const double rate = prepared.bytes / seconds, flops = c.operations / seconds;
            printer.print({{"primitive", c.name()},
                           {"dtype", name(dtype)},
                           {"milliseconds", seconds * 1e3},
                           {"bytes", prepared.bytes},
                           {"operations", c.operations},
                           {"share_of_copy_bandwidth", rate / bandwidth}},
                          fmt::format("{:<80} {:>5} {:>10.4f} {:>9.0f} {:>7.0f}% {:>9}", c.name(), name(dtype),
                                      seconds * 1e3, rate / 1e9, 100 * rate / bandwidth,
                                      c.operations > 0 ? fmt::format("{:.1f}", flops / 1e12) : ""));
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Times every primitive of a device");
    std::string device_name = "cuda", filter;
    Level level;
    Rounds rounds;
    bool rates = false, as_json = false;
    std::int64_t matrix = 8192;
    app.add_option("--device", device_name, "cuda, cpu or emulated")->capture_default_str();
    app.add_option("--batch", level.batch)->capture_default_str();
    app.add_option("--size", level.pixels, "height and width")->capture_default_str();
    app.add_option("--channels", level.channels)->capture_default_str();
    app.add_option("--classes", level.classes)->capture_default_str();
    app.add_option("--parameters", level.parameters, "elements the optimizer updates")->capture_default_str();
    app.add_option("--seconds", rounds.seconds, "of calls a round")->capture_default_str();
    app.add_option("--rounds", rounds.count, "their median counts")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--only", filter, "cases whose name has this in it");
    app.add_flag("--rates", rates, "the machine's own ceilings alone: the copy's and a matrix product's");
    app.add_option("--matrix", matrix, "rows and columns of that product")->capture_default_str();
    app.add_flag("--json", as_json, "an object a line instead of a table");
    CLI11_PARSE(app, argc, argv);
    try {
        const Device device = parse_device(device_name);
        const Printer printer(as_json);
        if (!as_json) fmt::print("{}: {}\n", device_name, backend(device).describe());
        // As many bytes as the largest case touches, so that caches matter no more to the copy than to the kernels.
        const auto bytes = static_cast<std::size_t>(level.elements()) * 4;
        const double bandwidth = copy_bandwidth(device, bytes, rounds);
        printer.print({{"device", backend(device).describe()},
                       {"copy_bytes_per_second", bandwidth},
                       {"batch", level.batch},
                       {"size", level.pixels},
                       {"channels", level.channels}},
                      fmt::format("copy bandwidth {:.0f} GB/s (read and written, {:.0f} MB each)", bandwidth / 1e9,
                                  static_cast<double>(bytes) / 1e6));
        if (rates) {
            print_matrix_rates(device, matrix, rounds, printer);
        } else {
            if (!as_json)
                fmt::print("\n{:<80} {:>5} {:>10} {:>9} {:>8} {:>9}\n", "primitive", "dtype", "ms", "GB/s", "of copy",
                           "TFLOP/s");
            print_primitives(device, level, filter, bandwidth, rounds, printer);
        }
    } catch (const Error& error) {
        fmt::print(stderr, "bench_kernels: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
