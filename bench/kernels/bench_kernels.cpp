// Times every primitive of a device at the sizes of a U-Net's largest level and sets the memory-bound ones beside the
// device's own copy bandwidth. `bench_kernels --help` lists the options; bench/gpu_check runs it on a GPU.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "kernels/cases.h"
#include "kernels/matrix_rate.h"
#include "kernels/time_call.h"

using namespace camber;
using namespace camber::bench;
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

void print_primitives(Device device, const Size& size, const std::string& filter, double bandwidth,
                      const Rounds& rounds, const Printer& printer) {
    for (const Dtype dtype : {Dtype::bf16, Dtype::f32}) {
        for (const Case& c : make_cases(size, dtype, device)) {
            if (c.name.find(filter) == std::string::npos) continue;
            const double seconds = time_call(device, c.prepare(), rounds);
            const double rate = c.bytes / seconds, flops = c.operations / seconds;
            printer.print({{"primitive", c.name},
                           {"dtype", name(dtype)},
                           {"milliseconds", seconds * 1e3},
                           {"bytes", c.bytes},
                           {"operations", c.operations},
                           {"share_of_copy_bandwidth", rate / bandwidth}},
                          fmt::format("{:<44} {:>5} {:>10.4f} {:>9.0f} {:>7.0f}% {:>9}", c.name, name(dtype),
                                      seconds * 1e3, rate / 1e9, 100 * rate / bandwidth,
                                      c.operations > 0 ? fmt::format("{:.1f}", flops / 1e12) : ""));
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Times every primitive of a device");
    std::string device_name = "cuda", filter;
    Size size;
    Rounds rounds;
    bool rates = false, as_json = false;
    std::int64_t matrix = 8192;
    app.add_option("--device", device_name, "cuda, cpu or emulated")->capture_default_str();
    app.add_option("--batch", size.batch)->capture_default_str();
    app.add_option("--size", size.pixels, "height and width")->capture_default_str();
    app.add_option("--channels", size.channels)->capture_default_str();
    app.add_option("--classes", size.classes)->capture_default_str();
    app.add_option("--parameters", size.parameters, "elements the optimizer updates")->capture_default_str();
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
        const auto bytes = static_cast<std::size_t>(size.elements()) * 4;
        const double bandwidth = copy_bandwidth(device, bytes, rounds);
        printer.print({{"device", backend(device).describe()},
                       {"copy_bytes_per_second", bandwidth},
                       {"batch", size.batch},
                       {"size", size.pixels},
                       {"channels", size.channels}},
                      fmt::format("copy bandwidth {:.0f} GB/s (read and written, {:.0f} MB each)", bandwidth / 1e9,
                                  static_cast<double>(bytes) / 1e6));
        if (rates) {
            print_matrix_rates(device, matrix, rounds, printer);
        } else {
            if (!as_json)
                fmt::print("\n{:<44} {:>5} {:>10} {:>9} {:>8} {:>9}\n", "primitive", "dtype", "ms", "GB/s", "of copy",
                           "TFLOP/s");
            print_primitives(device, size, filter, bandwidth, rounds, printer);
        }
    } catch (const Error& error) {
        fmt::print(stderr, "bench_kernels: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
