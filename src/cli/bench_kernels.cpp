#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/bench.h"
#include "cli/options.h"

#if defined(CAMBER_WITH_LABORATORY)
#include "cuda/laboratory/picture.h"
#include "io/atomic_file.h"
#endif

namespace camber::cli {
namespace {

struct KernelOptions {
    std::vector<std::string> names;
    bool list = false, as_json = false, sweep = false;
    int version = 0;
    std::vector<std::int64_t> shape;
    std::string gpu = "H100", device, svg, roofline;
};

#if defined(CAMBER_WITH_LABORATORY)

using namespace laboratory;

void print_list() {
    for (const Experiment* experiment : experiments()) {
        fmt::print("{:<20} {}\n", experiment->name, experiment->what);
        int number = 0;
        for (const Version* version : versions(*experiment, Device::emulated))
            fmt::print("    {} {}\n", number = version->number, version->what);
        fmt::print("    {} shipped: {}\n", number + 1, experiment->shipped);
    }
}

Device device_of(const KernelOptions& options) {
    if (options.device.empty()) return has_backend(Device::cuda) ? Device::cuda : Device::emulated;
    const Device device = parse_device(options.device);
    if (device != Device::cuda && device != Device::emulated)
        throw UsageError("kernels run on the devices cuda and emulated");
    if (!has_backend(device)) fail("{}", why_no_backend(device));
    return device;
}

std::vector<std::int64_t> shape_of(const Experiment& experiment, const KernelOptions& options, Device device) {
    if (!options.shape.empty()) return options.shape;
    return device == Device::cuda ? experiment.timed : experiment.counted;
}

/// Runs the versions that are wanted, adds to `wrong` those that are, and with --json prints an object each.
std::vector<Result> examine_versions(Trial& trial, const std::vector<std::int64_t>& shape, const KernelOptions& options,
                                     Device device, const Gpu& gpu, int& wrong) {
    if (options.version > trial.count())
        throw UsageError(fmt::format("{} has versions 1 to {}", trial.experiment().name, trial.count()));
    std::vector<Result> results;
    for (int version = 1; version <= trial.count(); ++version)
        if (options.version == 0 || options.version == version) results.push_back(examine(trial, version, device, gpu));
    for (const Result& result : results) {
        if (!(result.error <= trial.problem().tolerance)) ++wrong;
        if (options.as_json) fmt::print("{}\n", to_json(trial, result, shape, device, gpu).dump());
    }
    return results;
}

/// The number of versions that are wrong.
int examine_kernel(const Experiment& experiment, const KernelOptions& options, Device device, const Gpu& gpu) {
    const auto shape = shape_of(experiment, options, device);
    Trial trial(experiment, shape, device);
    int wrong = 0;
    const std::vector<Result> results = examine_versions(trial, shape, options, device, gpu, wrong);
    if (!options.svg.empty()) write_file_atomically(options.svg, bounds_picture(trial, results, gpu));
    if (!options.roofline.empty()) write_file_atomically(options.roofline, roofline_picture(trial, results, gpu));
    if (options.as_json) return wrong;
    fmt::print("{}{}", heading(trial, shape, device, gpu), table(trial, results, gpu));
    if (options.version > 0) fmt::print("{}", details(trial, results.front()));
    return wrong;
}

/// The first number of the shape up to eight times as large where it is counted, down to an eighth where it is timed.
std::vector<std::vector<std::int64_t>> shapes_of_sweep(const std::vector<std::int64_t>& shape, Device device) {
    std::vector<std::vector<std::int64_t>> shapes;
    for (const int factor : {1, 2, 4, 8}) {
        shapes.push_back(shape);
        std::int64_t& n = shapes.back().front();
        n = device == Device::emulated ? n * factor : std::max<std::int64_t>(1, n * factor / 8);
    }
    shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
    return shapes;
}

/// A row a shape, a column a version. The number of versions that are wrong.
int sweep_kernel(const Experiment& experiment, const KernelOptions& options, Device device, const Gpu& gpu) {
    int wrong = 0;
    bool first = true;
    for (const auto& shape : shapes_of_sweep(shape_of(experiment, options, device), device)) {
        Trial trial(experiment, shape, device);
        const std::vector<Result> results = examine_versions(trial, shape, options, device, gpu, wrong);
        if (options.as_json) continue;
        if (first) fmt::print("{}", sweep_heading(trial, results, device, gpu));
        fmt::print("{}", sweep_row(trial, results, shape, gpu));
        first = false;
    }
    return wrong;
}

int run(const KernelOptions& options) {
    if (options.list) {
        print_list();
        return 0;
    }
    const Gpu& gpu = find_gpu(options.gpu);
    const Device device = device_of(options);
    std::vector<const Experiment*> chosen;
    for (const std::string& name : options.names) chosen.push_back(&find_experiment(name));
    if (chosen.empty()) chosen = experiments();
    const bool draws = !options.svg.empty() || !options.roofline.empty();
    if ((options.version > 0 || !options.shape.empty() || draws) && chosen.size() != 1)
        throw UsageError("--version, --shape, --svg and --roofline are for one kernel: name it");
    if (options.sweep && draws) throw UsageError("--svg and --roofline draw one shape: leave out --sweep");
    if (draws && device != Device::emulated)
        throw UsageError("--svg and --roofline draw what is counted: add --device emulated");
    int wrong = 0;
    for (const Experiment* experiment : chosen) {
        if (experiment != chosen.front() && !options.as_json) fmt::print("\n");
        wrong += (options.sweep ? sweep_kernel : examine_kernel)(*experiment, options, device, gpu);
    }
    if (wrong > 0)
        fail("{} {} not compute what the reference device does", wrong, wrong == 1 ? "version does" : "versions do");
    return 0;
}

#else

int run(const KernelOptions&) { fail("this build has no kernel laboratory: configure with -DCAMBER_EMULATOR=ON"); }

#endif

}  // namespace

void add_bench_kernels(CLI::App& bench, Action& action) {
    CLI::App* command = bench.add_subcommand(
        "kernels", "Checks versions of kernels, and counts what they ask of memory or, on a GPU, takes their time");
    command->footer("Example:\n  camber bench kernels matrix_product --gpu A100");
    const auto options = std::make_shared<KernelOptions>();
    command->add_option("NAME", options->names, "kernels; all without one");
    command->add_flag("--list", options->list, "names and versions, and nothing is run");
    add_number(*command, "--version", options->version, at_least(1), "only this one, with every access");
    command->add_option("--shape", options->shape, "other sizes, as --list has them: 1,64,64,32")
        ->delimiter(',')
        ->check(number_of<std::int64_t>(at_least(1)));
    command->add_flag("--sweep", options->sweep,
                      "sizes: the first number of the shape up to 8 times as large, or timed from an eighth of it");
    command->add_option("--gpu", options->gpu, "whose rates bound it: H100, A100, RTX4090 or T4")
        ->capture_default_str();
    command->add_option("--device", options->device, "cuda or emulated; by itself cuda where there is a GPU");
    command->add_option("--svg", options->svg, "file for a picture of the bounds of one kernel's versions");
    command->add_option("--roofline", options->roofline,
                        "file for a picture of them over operations a byte, where a kernel multiplies");
    command->add_flag("--json", options->as_json, "an object a line instead of a table");
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace camber::cli
