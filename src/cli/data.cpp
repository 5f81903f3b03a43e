#include <camber/dataset.h>
#include <camber/synth.h>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"

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
    for (int id = 0; id < classes.count(); ++id) {
        const auto& entry = info.classes[static_cast<std::size_t>(id)];
        fmt::print("  {:>3} {:<14} {:>8.3f}% {:>8} {:>8.3f}  {}\n", id, one_line(classes.name_of(id)),
                   100 * entry.share, entry.images, entry.weight, fmt::join(classes.colour_of(id), " "));
    }
    fmt::print("  {:>3} {:<14} {:>8.3f}% {:>8} {:>8}  {}\n", classes.void_id, one_line(classes.void_name),
               100 * info.unlabelled.share, info.unlabelled.images, "void", fmt::join(classes.void_colour, " "));
    if (const std::vector<std::string> absent = absent_classes(dataset); !absent.empty())
        fmt::print("  no pixel is labelled {}\n", one_line(fmt::format("{}", fmt::join(absent, ", "))));
}

void add_data_info(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("info", "Reads a dataset, checks every file, and describes its splits");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "Folder of the dataset")->required();
    command->callback([=, &action] {
        action = [=] {
            const std::vector<std::string> splits = Dataset::splits(*folder);
            if (splits.empty())
                fail("{}: holds no split: a train.txt, val.txt or test.txt, or folders train and trainannot", *folder);
            const auto table = std::filesystem::path(*folder) / "classes.json";
            if (std::filesystem::exists(table)) {
                const ClassTable classes = read_class_table(table);
                fmt::print("{}: {} classes, called {}\n", one_line(table.string()), classes.count(),
                           one_line(classes.name));
            } else {
                fmt::print("no classes.json: the classes are {}, CamVid's\n", camvid11().name);
            }
            for (const std::string& split : splits) print_split(Dataset::open(*folder, split));
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
    command->require_subcommand(1);
    add_data_info(*command, action);
    add_data_synth(*command, action);
}

}  // namespace camber::cli
