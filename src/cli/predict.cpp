#include <camber/label_picture.h>
#include <camber/train.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/predict_inputs.h"
#include "cli/progress.h"
#include "data/sample_files.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail("{}: the folder cannot be made: {}", folder.string(), error.message());
}

/// Reads a picture and writes its results, whose names begin with `base`.
void predict_into(Model& model, const Picture& picture, const fs::path& base, float alpha) {
    const int channels = std::max(3, picture_channels(*model.net));  // overlays of grey networks are in colour
    const Image image = read_frame(picture.file, picture.label, channels), labels = predict(model, image);
    make_folder(base.parent_path());
    write_png(base.string() + labels_end, labels);
    write_png(base.string() + colours_end, colour_labels(labels, model.classes));
    write_png(base.string() + overlay_end, overlay_labels(image, labels, model.classes, alpha));
}

/// Whether the disk has no room for more results, so that those of other pictures will not be written either.
bool is_full(const fs::path& folder) {
    constexpr std::uintmax_t least_bytes = 1 << 20;
    std::error_code none;
    const fs::space_info space = fs::space(folder, none);
    return !none && space.available < least_bytes;
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
    struct Arguments {
        std::string checkpoint, out, size, device, dtype, split;
        std::vector<std::string> inputs;
        float alpha = 0.5f;
    };
    CLI::App* command = app.add_subcommand(
        "predict",
        "Paints the classes of pictures: NAME_labels.png (class ids), NAME_colours.png and NAME_overlay.png, upright; "
        "folders keep their structure");
    command->footer("Example:\n  camber predict --checkpoint runs/NAME/best.safetensors --out out/ street.jpg");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command->add_option("--out", a->out, "Folder for the results")->required();
    add_number(*command, "--alpha", a->alpha, from_to(0, 1), "Strength of the colours in overlays, 0 to 1")
        ->capture_default_str();
    command->add_option("--size", a->size, "HEIGHTxWIDTH of the network's input [as trained or imported]");
    command->add_option("--device", a->device, one_of(names_of(run_devices)) + " [as trained, where it can be used]");
    command->add_option("--dtype", a->dtype, one_of(names_of(run_dtypes)) + " [as trained]");
    command->add_option("--split", a->split, "Of folders that are datasets: the split [all]");
    command->add_option("inputs", a->inputs, "Pictures, folders of pictures, or datasets, whose frames are meant")
        ->required();
    command->callback([=, &action] {
        action = [=] {
            if (a->out.empty()) fail_usage("--out is empty: it is the folder for the results");
            Model model = load_model(a->checkpoint, a->device, a->dtype);
            const Listing listing = list_pictures(
                a->inputs, a->out, a->split, [&](const std::string& folder) { return folder_options(model, folder); });
            if (!a->size.empty()) take_size(model, a->size);
            for (const std::string& fault : listing.faults) report(fault, 1);
            if (listing.pictures.empty()) return 1;
            const std::atomic<bool>& stop = interruption();
            ProgressLine line;
            std::size_t done = 0, bad = 0;
            for (const Picture& picture : listing.pictures) {
                if (stop) return interrupted_exit;
                try {
                    predict_into(model, picture, fs::path(a->out) / picture.name, a->alpha);
                    ++done;
                } catch (const Error& error) {  // the others are done all the same
                    if (is_full(a->out)) throw;
                    line.clear();
                    report(error.what(), 1);
                    ++bad;
                }
                line.update(static_cast<double>(done + bad), static_cast<double>(listing.pictures.size()),
                            picture.file.filename().string());
            }
            if (done == 0) {
                line.clear();
                return 1;  // what was wrong is said
            }
            line.print(fmt::format("{} picture{}: label maps, their colours and overlays are in {}", done,
                                   done == 1 ? "" : "s", a->out));
            if (const std::string said = listing.passed_over(); !said.empty()) line.print(said);
            return bad > 0 || !listing.faults.empty() ? 1 : 0;
        };
    });
}

}  // namespace camber::cli
