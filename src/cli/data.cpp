#include <camber/data_folder.h>
#include <camber/synth.h>
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "data/problems.h"

namespace camber::cli {
namespace {

void print_split(const Dataset& dataset) {
    const DatasetInfo info = describe(dataset);
    fmt::print("{}: {} frames", one_line(dataset.split()), info.images);
    for (const auto& size : info.sizes) fmt::print(", {} of {}x{}", size.count, size.height, size.width);
    fmt::print("\n  RGB mean {:.4f} {:.4f} {:.4f}, deviation {:.4f} {:.4f} {:.4f}, fingerprint {:016x}\n", info.mean[0],
               info.mean[1], info.mean[2], info.deviation[0], info.deviation[1], info.deviation[2], info.fingerprint);
    fmt::print("  {:>3} {:<14} {:>9} {:>8} {:>8}  {}\n", "id", "class", "pixels", "frames", "weight", "colour");
    const ClassTable& classes = dataset.classes();
    const auto row = [&](int id, const DatasetInfo::Class& entry, const std::string& weight) {
        fmt::print("  {:>3} {:<14} {:>8.3f}% {:>8} {:>8}  {}\n", id, one_line(classes.name_of(id)), 100 * entry.share,
                   entry.images, weight, fmt::join(classes.colour_of(id), " "));
    };
    for (int id = 0; id < classes.count(); ++id) {
        const auto& entry = info.classes[static_cast<std::size_t>(id)];
        row(id, entry, id == classes.void_id ? "void" : fmt::format("{:.3f}", entry.weight));
    }
    if (!classes.void_is_class()) row(classes.void_id, info.unlabelled, "void");
    if (const std::vector<std::string> absent = absent_classes(dataset); !absent.empty())
        fmt::print("  no pixel is labelled {}\n", one_line(fmt::format("{}", fmt::join(absent, ", "))));
    if (classes.count() - (classes.void_is_class() ? 1 : 0) == 1)
        fmt::print("  warning: there is one class: a network tells two or more apart\n");
}

void print_problems(const DataProblems& problems, bool all) {
    constexpr std::size_t usual = 5;
    for (const DataProblem& problem : problems.list) {
        fmt::print("{}: {} {}\n", problem.fault ? "fault" : "warning", problem.items.size(), problem.what);
        const std::size_t shown = all ? problem.items.size() : std::min(problem.items.size(), usual);
        for (std::size_t i = 0; i < shown; ++i) fmt::print("  {}\n", one_line(problem.items[i]));
        if (shown < problem.items.size()) fmt::print("  and {} more (--all)\n", problem.items.size() - shown);
    }
}

void add_data_info(CLI::App& app, Action& action) {
    struct Arguments {
        std::string folder;
        FolderOptions source;
        bool all = false;
    };
    CLI::App* command =
        app.add_subcommand("info", "Says what a dataset is found to be, reads every file, and describes its splits");
    command->footer("Example:\n  camber data info data/camvid");
    auto a = std::make_shared<Arguments>();
    command->add_option("folder", a->folder, "Folder of the dataset")->required();
    add_folder_options(*command, a->source);
    command->add_flag("--all", a->all, "Name every file that something is wrong with, not the first few");
    command->callback([=, &action] {
        action = [=] {
            const DataFolder data = DataFolder::open(a->folder, a->source);
            fmt::print("{}: {} ({})\n", one_line(a->folder), data.layout(), one_line(data.why()));
            for (const std::string& note : data.notes()) fmt::print("{}\n", one_line(note));
            ProgressLine line;
            const DataProblems problems = find_problems(data, [&](std::size_t done, std::size_t total) {
                line.update(static_cast<double>(done), static_cast<double>(total),
                            fmt::format("frame {}/{}", done, total));
            });
            line.clear();
            for (const std::string& split : data.splits()) {
                const std::vector<SamplePaths> samples = data.samples(split);
                const bool labelled = std::any_of(samples.begin(), samples.end(),
                                                  [](const SamplePaths& sample) { return !sample.label.empty(); });
                const auto faults = problems.faults.find(split);
                if (!labelled && faults == problems.faults.end()) {
                    fmt::print("{}: {} frames without label maps: they can be predicted\n", one_line(split),
                               samples.size());
                } else if (faults != problems.faults.end()) {
                    fmt::print("{}: {} frames, {} faults\n", one_line(split), samples.size(), faults->second);
                } else {
                    print_split(data.dataset(split));
                }
            }
            print_problems(problems, a->all);
            const std::size_t faults = problems.fault_count();
            if (faults > 0)
                fail("{}{}", problems.first_fault(),
                     faults > 1 ? fmt::format(" (the first of {} faults, listed above)", faults) : "");
            return 0;
        };
    });
}

void add_data_synth(CLI::App& app, Action& action) {
    struct Arguments {
        std::string out, size = "360x480";
        SynthConfig config;
    };
    CLI::App* command = app.add_subcommand("synth", "Generates street scenes with exact labels, in CamVid's layout");
    command->footer("Example:\n  camber data synth --out data/synth");
    auto a = std::make_shared<Arguments>();
    command->add_option("--out", a->out, "Folder to make")->required();
    const NumberRange frames = from_to(0, 1e7);
    add_number(*command, "--train", a->config.train_count, frames, "Training frames")->capture_default_str();
    add_number(*command, "--val", a->config.val_count, frames, "Validation frames")->capture_default_str();
    command->add_option("--size", a->size, "HEIGHTxWIDTH")->capture_default_str();
    add_number(*command, "--seed", a->config.seed, at_least(0), "Of the scenes")->capture_default_str();
    command->callback([=, &action] {
        action = [=] {
            std::tie(a->config.height, a->config.width) = parse_size(a->size);
            ProgressLine line;
            write_synthetic_dataset(a->out, a->config, [&](std::size_t done, std::size_t total) {
                line.update(static_cast<double>(done), static_cast<double>(total),
                            fmt::format("scene {}/{}", done, total));
            });
            line.print(fmt::format("{} training and {} validation scenes of {}x{} are in {}", a->config.train_count,
                                   a->config.val_count, a->config.height, a->config.width, a->out));
            return 0;
        };
    });
}

}  // namespace

void add_data(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("data", "Datasets");
    command->footer("Example:\n  camber data info data/camvid");
    command->require_subcommand(1);
    add_data_info(*command, action);
    add_data_preview(*command, action);
    add_data_convert(*command, action);
    add_data_synth(*command, action);
}

}  // namespace camber::cli
