#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>

#include "backend/cpu/peak.h"
#include "backend/profiler.h"
#include "step/count.h"
#include "step/multiplications.h"
#include "step/training_step.h"
#include "timing.h"

// Times a training step of a network, as bench/peers/step_torch.py does PyTorch's, and prints a JSON object; on a
// device that records steps one after each measurement, with all that is known by then, so that the last line counts
// and a run that is cut short has said something. With --count, what a step on a GPU moves and launches, on any
// machine.
namespace {

using namespace camber;
using namespace camber::bench;
using nlohmann::json;

/// Steps before anything is timed, and after which recorded and unrecorded steps are compared.
constexpr int warm = 2, compared = 4;

double peak_rss_mib() {
    std::ifstream status("/proc/self/status");
    std::string key;
    while (status >> key) {
        if (key == "VmHWM:") {
            double kib = 0;
            status >> kib;
            return kib / 1024;
        }
    }
    return 0;
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

double run(TrainingStep& step) {
    return seconds_of([&] {
        step.run();
        step.synchronize();
    });
}

Spread run_many(TrainingStep& step, int steps) {
    std::vector<double> times;
    for (int i = 0; i < steps; ++i) times.push_back(run(step));
    return spread_of(times);
}

void add_times(json& result, const Spread& seconds, int batch) {
    result["seconds"] = seconds.best;
    result["median_seconds"] = seconds.median;
    result["p90_seconds"] = seconds.p90;
    result["images_per_second"] = batch / seconds.best;
}

/// The fastest of some steps whose every primitive is timed: in steps of their own, since that takes time itself.
void add_profile(json& result, TrainingStep& step, Device device, int steps) {
    double total = 1e30, convolutions = 0, sum = 0;
    json primitives;
    ProfileScope scope(device);
    for (int i = 0; i < steps; ++i) {
        scope.reset();
        const double seconds = run(step);
        if (seconds >= total) continue;
        total = seconds;
        convolutions = sum = 0;
        primitives = json::object();
        for (const auto& [name, time] : scope.profile()) {
            sum += time.seconds;
            if (name.starts_with("conv")) convolutions += time.seconds;
            primitives[name] = {{"milliseconds", 1e3 * time.seconds},
                                {"megabytes", 1e-6 * static_cast<double>(time.bytes)},
                                {"calls", time.calls}};
        }
    }
    result["profiled_seconds"] = total;
    result["primitive_seconds"] = sum;
    result["convolution_seconds"] = convolutions;
    result["over_convolutions"] = total / convolutions;
    result["primitives"] = primitives;
}

/// What the step's convolutions multiply, and what this processor multiplies a second at most.
void add_floor(json& result, const StepSize& size) {
    const Multiplications work = multiplications(size);
    result["multiplications"] = {{"all", work.all}, {"winograd", work.winograd}, {"direct", work.direct}};
    constexpr std::int64_t rounds = 1 << 20;
    const auto rate = [] {
        double operations = 0;
        const double seconds = seconds_of([&] { operations = cpu::multiply_add(rounds); });
        return static_cast<double>(rounds) * operations / 2 / seconds;
    };
    result["multiplications_per_second"] = std::max({rate(), rate(), rate()});
}

/// Memory and allocations since `before`, after a warm-up whose peak was forgotten.
void add_memory(json& result, Device device, std::uint64_t allocations_before) {
    const MemoryStats memory = device_memory(device).stats();
    result["peak_tensors_mib"] = mib(memory.peak);
    result["reserved_mib"] = mib(memory.reserved);
    result["allocations_after_warm_up"] = memory.allocations - allocations_before;
    result["peak_rss_mib"] = peak_rss_mib();
}

/// "--set width=16": an option of the network, given as JSON or as a word.
void set_option(json& options, const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) fail_usage("--set takes OPTION=VALUE, not '{}'", text);
    const std::string value = text.substr(equals + 1);
    const json parsed = json::parse(value, nullptr, false);
    options[text.substr(0, equals)] = parsed.is_discarded() ? json(value) : parsed;
}

struct Options {
    StepSize size;
    int steps = 4;
    bool graph = true;  ///< recorded steps where the device can
};

void print(const json& result) {
    fmt::print("{}\n", result.dump());
    std::fflush(stdout);
}

void time_steps(json result, const Options& options) {
    const Device device = options.size.device;
    const auto allocations = [&] { return device_memory(device).stats().allocations; };
    std::uint64_t unrecorded_checksum = 0;
    {
        TrainingStep step(options.size);
        result["first_step_seconds"] = run(step);  // convolutions' plans are made
        for (int i = 1; i < warm; ++i) run(step);
        if (!is_host(device)) device_memory(device).trim();
        device_memory(device).reset_peak();
        const std::uint64_t before = allocations();
        for (int i = warm; i < compared; ++i) run(step);
        unrecorded_checksum = step.checksum();
        const Spread seconds = run_many(step, options.steps);
        add_times(result, seconds, options.size.batch);
        add_memory(result, device, before);
        if (!is_host(device)) {
            result["unrecorded_median_seconds"] = seconds.median;
            print(result);
        }
        add_profile(result, step, device, options.steps);
        if (is_host(device)) add_floor(result, options.size);
        print(result);
    }
    if (is_host(device) || !options.graph) return;

    device_memory(device).trim();
    TrainingStep step(options.size);
    for (int i = 0; i < warm; ++i) run(step);
    device_memory(device).trim();
    device_memory(device).reset_peak();
    if (const std::string why = step.record(); !why.empty()) {
        result["why_not_recorded"] = why;
        return print(result);
    }
    run(step);
    const std::uint64_t before = allocations();
    for (int i = warm + 1; i < compared; ++i) run(step);
    result["recorded"] = true;
    result["replay_equals_unrecorded"] = step.checksum() == unrecorded_checksum;
    const Spread seconds = run_many(step, options.steps);
    add_times(result, seconds, options.size.batch);
    add_memory(result, device, before);
    print(result);
}

void print_losses(json result, const Options& options) {
    TrainingStep step(options.size);
    std::vector<double> losses;
    for (int i = 0; i < options.steps; ++i) {
        if (i == warm && options.graph && !is_host(options.size.device)) {
            const std::string why = step.record();
            result["recorded"] = why.empty();
            if (!why.empty()) result["why_not_recorded"] = why;
        }
        step.run();
        losses.push_back(step.loss());
    }
    result["losses"] = losses;
    print(result);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Times a training step"};
    std::string dtype = "f32", device = "cpu";
    Options options;
    std::vector<std::string> set;
    bool no_graph = false, losses = false, count = false;
    app.add_option("--dtype", dtype, "of activations: f32 or bf16")->capture_default_str();
    app.add_option("--device", device)->capture_default_str();
    const auto number = [&](const char* name, int& value, const char* what) {
        app.add_option(name, value, what)->capture_default_str()->check(CLI::Range(1, 1 << 16));
    };
    number("--batch", options.size.batch, "pictures a step");
    number("--size", options.size.size, "height and width");
    app.add_option("--net", options.size.net, "the network")->capture_default_str();
    app.add_option("--set", set, "OPTION=VALUE of the network, as camber info names them; may be repeated");
    number("--steps", options.steps, "timed ones");
    auto* const eager = app.add_flag("--no-graph", no_graph, "steps are not recorded");
    auto* const print_losses_flag = app.add_flag("--losses", losses, "prints each step's loss; nothing is timed");
    app.add_flag("--count", count, "prints the bytes and the launches of a step on a GPU, counted without one")
        ->excludes(eager)
        ->excludes(print_losses_flag);
    CLI11_PARSE(app, argc, argv);
    try {
        options.size.device = parse_device(device);
        options.size.dtype = parse_dtype(dtype);
        options.graph = !no_graph;
        for (const std::string& text : set) set_option(options.size.options, text);
        if (count) {
            const StepCounts counts = count_step(options.size);
            fmt::print("A training step of {3} on [{0}, {1}, {1}, 3] in {2}.\n\n", options.size.batch,
                       options.size.size, dtype, options.size.net);
            print(counts);
            return 0;
        }
        const json about = {{"system", "camber"},
                            {"device", device},
                            {"dtype", dtype},
                            {"batch", options.size.batch},
                            {"size", options.size.size},
                            {"net", options.size.net},
                            {"options", options.size.options},
                            {"threads", omp_get_max_threads()},
                            {"steps", options.steps},
                            {"recorded", false}};
        losses ? print_losses(about, options) : time_steps(about, options);
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "bench_step: error: not enough memory for a batch of {}\n", options.size.batch);
        return 1;
    } catch (const Error& error) {
        fmt::print(stderr, "bench_step: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
