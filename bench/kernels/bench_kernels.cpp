// Times every primitive of a device at the sizes of a U-Net's largest level and sets the memory-bound ones beside the
// device's own copy bandwidth. `bench_kernels --help` lists the options; bench/gpu_check runs it on a GPU.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
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

/// Objects in a file, a line each, there as soon as they are written. No file for an empty name.
class JsonLines {
  public:
    explicit JsonLines(const std::string& file) {
        if (file.empty()) return;
        out_.open(file);
        if (!out_) fail("cannot write '{}'", file);
    }
    void write(const json& object) {
        if (out_.is_open()) out_ << object.dump() << std::endl;
    }

  private:
    std::ofstream out_;
};

void print_matrix_rates(Device device, std::int64_t n, const Rounds& rounds, JsonLines& lines) {
    struct {
        const char* name;
        Dtype dtype;
        bool tf32;
    } constexpr products[] = {{"bf16", Dtype::bf16, false}, {"tf32", Dtype::f32, true}, {"f32", Dtype::f32, false}};
    for (const auto& product : products) {
        const MatrixRate rate = matrix_rate(device, product.dtype, product.tf32, n, rounds);
        json line = {{"matrix", product.name}, {"n", n}};
        if (rate.why_absent.empty()) {
            fmt::print("matrix rate, {}: {:.1f} TFLOP/s ([{}, {}] by [{}, {}], cuBLASLt's {})\n", product.name,
                       rate.operations_per_second / 1e12, n, n, n, n, rate.algorithm);
            line["operations_per_second"] = rate.operations_per_second;
        } else {
            fmt::print("matrix rate, {}: absent: {}\n", product.name, rate.why_absent);
            line["why_absent"] = rate.why_absent;
        }
        std::fflush(stdout);
        lines.write(line);
    }
}

void print_primitives(Device device, const Size& size, const std::string& filter, double bandwidth,
                      const Rounds& rounds, JsonLines& lines) {
    fmt::print("\n{:<44} {:>5} {:>10} {:>9} {:>8} {:>9}\n", "primitive", "dtype", "ms", "GB/s", "of copy", "TFLOP/s");
    for (const Dtype dtype : {Dtype::bf16, Dtype::f32}) {
        for (const Case& c : make_cases(size, dtype, device)) {
            if (c.name.find(filter) == std::string::npos) continue;
            const double seconds = time_call(device, c.prepare(), rounds);
            const double rate = c.bytes / seconds, flops = c.operations / seconds;
            fmt::print("{:<44} {:>5} {:>10.4f} {:>9.0f} {:>7.0f}% {:>9}\n", c.name, name(dtype), seconds * 1e3,
                       rate / 1e9, 100 * rate / bandwidth, c.operations > 0 ? fmt::format("{:.1f}", flops / 1e12) : "");
            std::fflush(stdout);
            lines.write({{"primitive", c.name},
                         {"dtype", name(dtype)},
                         {"milliseconds", seconds * 1e3},
                         {"bytes", c.bytes},
                         {"operations", c.operations},
                         {"share_of_copy_bandwidth", rate / bandwidth}});
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Times every primitive of a device");
    std::string device_name = "cuda", json_file, filter;
    Size size;
    Rounds rounds;
    bool rates = false;
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
    app.add_option("--json", json_file, "writes the figures there too, an object a line");
    CLI11_PARSE(app, argc, argv);
    try {
        const Device device = parse_device(device_name);
        JsonLines lines(json_file);
        fmt::print("{}: {}\n", device_name, backend(device).describe());
        // As many bytes as the largest case touches, so that caches matter no more to the copy than to the kernels.
        const auto bytes = static_cast<std::size_t>(size.elements()) * 4;
        const double bandwidth = copy_bandwidth(device, bytes, rounds);
        fmt::print("copy bandwidth {:.0f} GB/s (read and written, {:.0f} MB each)\n", bandwidth / 1e9,
                   static_cast<double>(bytes) / 1e6);
        std::fflush(stdout);
        lines.write({{"device", backend(device).describe()},
                     {"copy_bytes_per_second", bandwidth},
                     {"batch", size.batch},
                     {"size", size.pixels},
                     {"channels", size.channels}});
        if (rates) {
            print_matrix_rates(device, matrix, rounds, lines);
        } else {
            print_primitives(device, size, filter, bandwidth, rounds, lines);
        }
    } catch (const Error& error) {
        fmt::print(stderr, "bench_kernels: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
