#include <camber/data_folder.h>
#include <camber/label_picture.h>
#include <camber/train.h>

#include <optional>
#include <set>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "data/picture_index.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& file) { return file.filename().string().starts_with('.'); }

struct Picture {
    fs::path file;
    fs::path name;  ///< of its results: below --out, without extension
};

/// A folder's pictures keep their place in it; hidden files (macOS leaves a ._NAME beside every NAME) and hidden
/// folders are passed over, and `out` is where results go, not a folder of pictures.
std::vector<Picture> list_folder(const fs::path& folder, const fs::path& out) {
    std::set<fs::path> sorted;
    std::error_code none;
    for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator(); ++entry) {
        if (entry->is_directory()) {
            if (is_hidden(entry->path()) || fs::equivalent(entry->path(), out, none)) entry.disable_recursion_pending();
        } else if (entry->is_regular_file() && is_picture(entry->path())) {
            sorted.insert(entry->path());
        }
    }
    if (sorted.empty()) fail("{}: the folder holds no .png or .jpg pictures", folder.string());
    std::vector<Picture> pictures;
    for (const fs::path& file : sorted) pictures.push_back({file, file.lexically_relative(folder).replace_extension()});
    return pictures;
}

/// Whether a folder is a dataset; none has pictures beside its folders, so that notes in a train.txt make none.
bool is_dataset(const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder))
        if (is_picture(entry.path()) && !entry.is_directory()) return false;
    return DataFolder::recognises(folder);
}

/// The frames of a dataset, without its label maps; of one split where `split` names it.
std::vector<Picture> list_dataset(const fs::path& folder, const std::string& split) {
    const DataFolder data = DataFolder::look(folder);
    std::vector<Picture> pictures;
    std::set<fs::path> seen;
    for (const std::string& name : split.empty() ? data.splits() : std::vector<std::string>{split}) {
        for (const SamplePaths& sample : data.samples(name)) {
            if (!seen.insert(sample.image).second) continue;  // trainval is train and val
            fs::path relative = sample.image.lexically_relative(folder);
            if (relative.empty() || relative.begin()->string() == "..") relative = sample.image.filename();
            pictures.push_back({sample.image, relative.replace_extension()});
        }
    }
    return pictures;
}

std::vector<Picture> list_pictures(const std::vector<std::string>& inputs, const fs::path& out,
                                   const std::string& split) {
    std::vector<Picture> pictures;
    for (const fs::path input : inputs) {
        if (!fs::exists(input)) fail("{}: there is no such file or folder", input.string());
        if (!fs::is_directory(input)) {
            pictures.push_back({input, input.stem()});
            continue;
        }
        const bool dataset = !split.empty() || is_dataset(input);
        const std::vector<Picture> below = dataset ? list_dataset(input, split) : list_folder(input, out);
        pictures.insert(pictures.end(), below.begin(), below.end());
    }
    std::set<fs::path> names;
    for (const Picture& picture : pictures) {
        if (!names.insert(picture.name).second)
            fail_usage("two of the pictures are called {}: their predictions would overwrite each other",
                       picture.name.string());
    }
    return pictures;
}

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail("{}: the folder cannot be made: {}", folder.string(), error.message());
}

/// The picture, or nothing where it cannot be read, which is said.
std::optional<Image> try_read(const fs::path& file, int channels, ProgressLine& line) {
    try {
        return read_image(file, channels);
    } catch (const Error& error) {
        line.clear();
        report(error.what(), 1);
        return {};
    }
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
            const std::vector<Picture> pictures = list_pictures(a->inputs, a->out, a->split);
            Model model = load_model(a->checkpoint, a->device, a->dtype);
            if (!a->size.empty()) std::tie(model.config.height, model.config.width) = parse_size(a->size);
            const int channels = std::max(3, picture_channels(*model.net));  // overlays of grey networks are in colour
            make_folder(a->out);
            const std::atomic<bool>& stop = interruption();
            ProgressLine line;
            std::size_t done = 0, bad = 0;
            for (const Picture& picture : pictures) {
                if (stop) return interrupted_exit;
                const std::optional<Image> image = try_read(picture.file, channels, line);
                if (!image) {
                    ++bad;
                    continue;
                }
                const Image labels = predict(model, *image);
                const fs::path base = fs::path(a->out) / picture.name;
                make_folder(base.parent_path());
                write_png(base.string() + "_labels.png", labels);
                write_png(base.string() + "_colours.png", colour_labels(labels, model.classes));
                write_png(base.string() + "_overlay.png", overlay_labels(*image, labels, model.classes, a->alpha));
                ++done;
                line.update(static_cast<double>(done + bad), static_cast<double>(pictures.size()),
                            picture.file.filename().string());
            }
            line.print(fmt::format("{} picture{}: label maps, their colours and overlays are in {}", done,
                                   done == 1 ? "" : "s", a->out));
            if (bad > 0) return 1;
            return 0;
        };
    });
}

}  // namespace camber::cli
