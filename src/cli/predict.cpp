#include <camber/train.h>

#include <set>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& file) {
    std::string extension = file.extension().string();
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<fs::path> list_pictures(const std::vector<std::string>& inputs) {
    std::vector<fs::path> files;
    for (const fs::path input : inputs) {
        if (!fs::exists(input)) fail("{}: there is no such file or folder", input.string());
        if (!fs::is_directory(input)) {
            files.push_back(input);
            continue;
        }
        std::set<fs::path> sorted;
        for (const auto& entry : fs::directory_iterator(input)) {
            if (entry.is_regular_file() && is_picture(entry.path())) sorted.insert(entry.path());
        }
        if (sorted.empty()) fail("{}: the folder holds no .png or .jpg pictures", input.string());
        files.insert(files.end(), sorted.begin(), sorted.end());
    }
    std::set<fs::path> stems;
    for (const fs::path& file : files) {
        if (!stems.insert(file.stem()).second)
            fail_usage("two of the pictures are called {}: their predictions would overwrite each other",
                       file.stem().string());
    }
    return files;
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
    struct Arguments {
        std::string checkpoint, out, size, device, dtype;
        std::vector<std::string> inputs;
        float alpha = 0.5f;
    };
    CLI::App* command = app.add_subcommand(
        "predict", "Paints the classes of pictures: NAME_labels.png (class ids) and NAME_overlay.png");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command->add_option("--out", a->out, "Folder for the results")->required();
    add_number(*command, "--alpha", a->alpha, from_to(0, 1), "Strength of the colours in overlays, 0 to 1")
        ->capture_default_str();
    command->add_option("--size", a->size, "HEIGHTxWIDTH of the network's input [as trained or imported]");
    command->add_option("--device", a->device, "cuda, cpu, emulated or reference [as trained, where it can be used]");
    command->add_option("--dtype", a->dtype, "f32 or bf16 [as trained]");
    command->add_option("inputs", a->inputs, "Pictures or folders of pictures")->required();
    command->callback([=, &action] {
        action = [=] {
            const std::vector<fs::path> files = list_pictures(a->inputs);
            Model model = load_model(a->checkpoint, a->device, a->dtype);
            if (!a->size.empty()) std::tie(model.config.height, model.config.width) = parse_size(a->size);
            std::error_code error;
            fs::create_directories(a->out, error);
            if (error) fail("{}: the folder cannot be made: {}", a->out, error.message());
            const std::atomic<bool>& stop = interruption();
            ProgressLine line;
            std::size_t done = 0;
            for (const fs::path& file : files) {
                if (stop) return interrupted_exit;
                const Image image = read_image(file);
                const Image labels = predict(model, image);
                const fs::path base = fs::path(a->out) / file.stem();
                write_png(base.string() + "_labels.png", labels);
                write_png(base.string() + "_overlay.png", overlay_labels(image, labels, model.classes, a->alpha));
                ++done;
                line.update(static_cast<double>(done), static_cast<double>(files.size()), file.filename().string());
            }
            line.print(
                fmt::format("{} picture{}: label maps and overlays are in {}", done, done == 1 ? "" : "s", a->out));
            return 0;
        };
    });
}

}  // namespace camber::cli
