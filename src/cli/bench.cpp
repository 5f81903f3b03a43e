#include <camber/error.h>
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"

#if defined(CAMBER_WITH_LABORATORY)
#include "cuda/laboratory/picture.h"
#include "io/atomic_file.h"
#endif

namespace camber::cli {
namespace {

struct KernelOptions {
    std::vector<std::string> names;
    bool list = false, as_json = false;
    int version = 0;
    std::vector<std::int64_t> shape;
    std::string gpu = "H100", device, svg;
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

/// The number of versions that are wrong.
int examine_kernel(const Experiment& experiment, const KernelOptions& options, Device device, const Gpu& gpu) {
    const auto shape = !options.shape.empty()   ? options.shape
                       : device == Device::cuda ? experiment.timed
                                                : experiment.counted;
    Trial trial(experiment, shape, device);
    if (options.version > trial.count())
        throw UsageError(fmt::format("{} has versions 1 to {}", experiment.name, trial.count()));
    std::vector<Result> results;
    for (int version = 1; version <= trial.count(); ++version)
        if (options.version == 0 || options.version == version) results.push_back(examine(trial, version, device, gpu));
    int wrong = 0;
    for (const Result& result : results) {
        if (!(result.error <= trial.problem().tolerance)) ++wrong;
        if (options.as_json) fmt::print("{}\n", to_json(trial, result, shape, device, gpu).dump());
    }
    if (!options.svg.empty()) write_file_atomically(options.svg, bounds_picture(trial, results, gpu));
    if (options.as_json) return wrong;
    fmt::print("{}{}", heading(trial, shape, device, gpu), table(trial, results, gpu));
    if (options.version > 0) fmt::print("{}", details(trial, results.front()));
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
    if ((options.version > 0 || !options.shape.empty() || !options.svg.empty()) && chosen.size() != 1)
        throw UsageError("--version, --shape and --svg are for one kernel: name it");
    if (!options.svg.empty() && device != Device::emulated)
        throw UsageError("--svg draws what is counted: add --device emulated");
    int wrong = 0;
    for (const Experiment* experiment : chosen) {
        if (experiment != chosen.front() && !options.as_json) fmt::print("\n");
        wrong += examine_kernel(*experiment, options, device, gpu);
    }
    if (wrong > 0)
        fail("{} {} not compute what the reference device does", wrong, wrong == 1 ? "version does" : "versions do");
    return 0;
}

#else

int run(const KernelOptions&) { fail("this build has no kernel laboratory: configure with -DCAMBER_EMULATOR=ON"); }

#endif

}  // namespace

void add_bench(CLI::App& app, Action& action) {
    CLI::App* bench = app.add_subcommand("bench", "Takes kernels apart: versions from naive to shipped");
    bench->require_subcommand(1);
    bench->footer("Example:\n  camber bench kernels max_pool");
    CLI::App* command = bench->add_subcommand(
        "kernels", "Checks versions of kernels, and counts what they ask of memory or, on a GPU, takes their time");
    command->footer("Example:\n  camber bench kernels matrix_product --gpu A100");
    const auto options = std::make_shared<KernelOptions>();
    command->add_option("NAME", options->names, "kernels; all without one");
    command->add_flag("--list", options->list, "names and versions, and nothing is run");
    command->add_option("--version", options->version, "only this one, with every access")->check(CLI::PositiveNumber);
    command->add_option("--shape", options->shape, "other sizes, as --list has them: 1,64,64,32")->delimiter(',');
    command->add_option("--gpu", options->gpu, "whose rates bound it: H100, A100, RTX4090 or T4")
        ->capture_default_str();
    command->add_option("--device", options->device, "cuda or emulated; by itself cuda where there is a GPU");
    command->add_option("--svg", options->svg, "file for a picture of the bounds of one kernel's versions");
    command->add_flag("--json", options->as_json, "an object a line instead of a table");
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace camber::cli
