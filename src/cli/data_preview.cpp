#include <camber/augment.h>
#include <camber/data_folder.h>
#include <camber/error.h>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "data/picture_index.h"
#include "data/preview.h"
#include "data/sample_files.h"
#include "train/options.h"

namespace camber::cli {
namespace {

/// Every row as a training batch would have it in the first epoch.
void augment_rows(std::vector<PreviewRow>& rows, const std::string& text, const std::string& size, std::uint64_t seed,
                  int void_id) {
    TrainConfig config;
    set_train_option(config, "augment", text);
    check_augmentation(config.augment);
    const auto [height, width] = parse_size(size);
    const Normalisation normalisation;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Image image = with_channels(rows[i].image, 3);
        const AugmentParams params =
            sample_augmentation(config.augment, normalisation, seed, 0, i, image.height, image.width, height, width);
        Image moved(height, width, 3), label(height, width, 1);
        std::vector<float> values(moved.data.size());
        const Image* const old = rows[i].label.empty() ? nullptr : &rows[i].label;
        apply_augmentation(params, image, old, normalisation, void_id, height, width, values.data(), label.data.data());
        for (std::size_t k = 0; k < values.size(); ++k) {
            const float v = values[k] * normalisation.std[k % 3] + normalisation.mean[k % 3];
            moved.data[k] = static_cast<std::uint8_t>(std::clamp(v * 255 + 0.5f, 0.0f, 255.0f));
        }
        rows[i].image = std::move(moved);
        if (old) rows[i].label = std::move(label);
    }
}

}  // namespace

void add_data_preview(CLI::App& app, Action& action) {
    struct Arguments {
        std::string folder, out = "preview.png", split;
        FolderOptions source;
        int frames = 6, width = 320;
        std::string augment, size = "360x480";
        std::uint64_t seed = 1;
    };
    CLI::App* command =
        app.add_subcommand("preview", "Paints frames of a dataset: picture | labels | overlay, with a legend");
    command->footer("Example:\n  camber data preview data/camvid --augment rotate,blur --out sheet.png");
    auto a = std::make_shared<Arguments>();
    command->add_option("folder", a->folder, "Folder of the dataset")->required();
    command->add_option("--out", a->out, "PNG to write")->capture_default_str();
    command->add_option("--split", a->split, "Split to show [all]");
    add_number(*command, "--frames", a->frames, from_to(1, 1000), "Frames, spread over each split")
        ->capture_default_str();
    add_number(*command, "--picture-width", a->width, from_to(16, 4096), "Pixels across of each picture")
        ->capture_default_str();
    command
        ->add_option("--augment", a->augment,
                     "Show the frames as training would see them with this --augment, over the default preset's")
        ->check(CLI::Validator(
            [](const std::string& text) {
                TrainConfig tried;
                return set_train_option(tried, "augment", text);
            },
            ""))
        ->type_name("TEXT");
    const CLI::Option* const size =
        command->add_option("--size", a->size, "With --augment: HEIGHTxWIDTH of the network's input")
            ->capture_default_str();
    const CLI::Option* const seed =
        add_number(*command, "--seed", a->seed, at_least(0), "With --augment: another is another draw")
            ->capture_default_str();
    add_folder_options(*command, a->source);
    command->callback([=, &action] {
        action = [=] {
            for (const CLI::Option* option : {size, seed})
                if (a->augment.empty() && option->count() > 0)
                    fail_usage("{} has no effect without --augment", option->get_name());
            const std::filesystem::path out = a->out;
            if (ending(out) != ".png")
                fail_usage("--out {}: a sheet is a PNG: give it a name that ends in .png", a->out);
            refuse_among_frames(std::filesystem::absolute(out).parent_path(), a->out);
            const DataFolder data = DataFolder::open(a->folder, a->source);
            refuse_unused(a->source, data);
            std::vector<PreviewRow> rows;
            const std::vector<std::string> splits =
                a->split.empty() ? data.splits() : std::vector<std::string>{a->split};
            for (std::size_t s = 0; s < splits.size(); ++s) {
                const std::vector<SamplePaths> samples = data.samples(splits[s]);
                const std::size_t left = static_cast<std::size_t>(a->frames) - rows.size(),
                                  share =
                                      std::min((left + splits.size() - s - 1) / (splits.size() - s), samples.size());
                for (std::size_t i = 0; i < share; ++i) {
                    const SamplePaths& sample = samples[i * samples.size() / share];
                    rows.push_back({fmt::format("{}: {}", splits[s], sample.image.filename().string()),
                                    read_frame(sample.image, sample.label),
                                    sample.label.empty() ? Image() : data.read_label(sample.label)});
                }
            }
            if (!a->augment.empty()) augment_rows(rows, a->augment, a->size, a->seed, data.classes().void_id);
            write_sheet(out, preview_sheet(rows, data.classes(), a->width));
            fmt::print("{} frames of {} ({}) are in {}\n", rows.size(), one_line(a->folder), data.layout(),
                       one_line(a->out));
            return 0;
        };
    });
}

}  // namespace camber::cli
