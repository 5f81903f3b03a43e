// Times every primitive of a device at the sizes of a U-Net's largest level and sets the memory-bound ones beside the
// device's own copy bandwidth. `bench_kernels --help` lists the options; bench/gpu_check runs it on a GPU.
#include <camber/ops.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/cases.h"

using namespace camber;
using namespace camber::bench;

namespace {

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Median seconds of one call: rounds of enough calls to hide the host's clock and the launches, the device waited for
/// at the end of each.
double time_call(Device device, const std::function<void()>& call, double round_seconds, int rounds) {
    Backend& b = backend(device);
    call();
    b.synchronize();
    const double start = seconds_now();
    call();
    b.synchronize();
    const double once = std::max(seconds_now() - start, 1e-7);
    const int calls = std::clamp(static_cast<int>(round_seconds / once), 1, 1000);
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round) {
        const double begin = seconds_now();
        for (int i = 0; i < calls; ++i) call();
        b.synchronize();
        times.push_back((seconds_now() - begin) / calls);
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[static_cast<std::size_t>(rounds / 2)];
}

/// Bytes a second of a copy within device memory, counting those read and those written.
double copy_bandwidth(Device device, std::size_t bytes, double round_seconds, int rounds) {
    const auto count = static_cast<std::int64_t>(bytes);
    const Tensor from = Tensor::empty({count}, Dtype::u8, device), to = Tensor::empty({count}, Dtype::u8, device);
    backend(device).fill(from, 7);
    const double seconds = time_call(
        device, [&] { to.copy_from(from); }, round_seconds, rounds);
    return 2 * static_cast<double>(bytes) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Times every primitive of a device");
    std::string device_name = "cuda", json_file, filter;
    Size size;
    double round_seconds = 0.05;
    int rounds = 7;
    app.add_option("--device", device_name, "cuda, cpu or emulated")->capture_default_str();
    app.add_option("--batch", size.batch)->capture_default_str();
    app.add_option("--size", size.pixels, "height and width")->capture_default_str();
    app.add_option("--channels", size.channels)->capture_default_str();
    app.add_option("--classes", size.classes)->capture_default_str();
    app.add_option("--parameters", size.parameters, "elements the optimizer updates")->capture_default_str();
    app.add_option("--seconds", round_seconds, "of calls a round")->capture_default_str();
    app.add_option("--rounds", rounds, "their median counts")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--only", filter, "cases whose name has this in it");
    app.add_option("--json", json_file, "writes the figures there too");
    CLI11_PARSE(app, argc, argv);
    try {
        const Device device = parse_device(device_name);
        fmt::print("{}: {}\n", device_name, backend(device).describe());
        // As many bytes as the largest case touches, so that caches matter no more to the copy than to the kernels.
        const auto bytes = static_cast<std::size_t>(size.elements()) * 4;
        const double bandwidth = copy_bandwidth(device, bytes, round_seconds, rounds);
        fmt::print("copy bandwidth {:.0f} GB/s (read and written, {:.0f} MB each)\n\n", bandwidth / 1e9,
                   static_cast<double>(bytes) / 1e6);
        fmt::print("{:<44} {:>5} {:>10} {:>9} {:>8} {:>9}\n", "primitive", "dtype", "ms", "GB/s", "of copy", "TFLOP/s");

        nlohmann::json results = nlohmann::json::array();
        for (const Dtype dtype : {Dtype::bf16, Dtype::f32}) {
            for (const Case& c : make_cases(size, dtype, device)) {
                if (c.name.find(filter) == std::string::npos) continue;
                const auto call = c.prepare();
                const double seconds = time_call(device, call, round_seconds, rounds);
                const double rate = c.bytes / seconds, flops = c.operations / seconds;
                fmt::print("{:<44} {:>5} {:>10.4f} {:>9.0f} {:>7.0f}% {:>9}\n", c.name, name(dtype), seconds * 1e3,
                           rate / 1e9, 100 * rate / bandwidth,
                           c.operations > 0 ? fmt::format("{:.1f}", flops / 1e12) : "");
                std::fflush(stdout);
                results.push_back({{"primitive", c.name},
                                   {"dtype", name(dtype)},
                                   {"milliseconds", seconds * 1e3},
                                   {"bytes", c.bytes},
                                   {"operations", c.operations},
                                   {"share_of_copy_bandwidth", rate / bandwidth}});
            }
        }
        if (!json_file.empty()) {
            std::ofstream(json_file) << nlohmann::json({{"device", backend(device).describe()},
                                                        {"copy_bytes_per_second", bandwidth},
                                                        {"batch", size.batch},
                                                        {"size", size.pixels},
                                                        {"channels", size.channels},
                                                        {"primitives", results}})
                                            .dump(1)
                                     << '\n';
        }
    } catch (const Error& error) {
        fmt::print(stderr, "bench_kernels: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
