#include <camber/train.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "train/class_difference.h"

namespace camber::cli {
void add_eval(CLI::App& app, Action& action) {
    struct Arguments {
        std::string checkpoint, data, split = "val", size, device, dtype;
        bool json = false, flip = false;
        FolderOptions source;
    };
    CLI::App* command = app.add_subcommand("eval", "Judges a trained network on a split");
    command->footer("Example:\n  camber eval --checkpoint runs/NAME/best.safetensors --split val");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command->add_option("--data", a->data, "Folder of the dataset [the one it was trained on]");
    command->add_option("--split", a->split, "train, val or test")->capture_default_str();
    add_folder_options(*command, a->source);
    command->add_option("--size", a->size, "HEIGHTxWIDTH of the network's input [as trained or imported]");
    command->add_option("--device", a->device, one_of(names_of(run_devices)) + " [as trained, where it can be used]");
    command->add_option("--dtype", a->dtype, one_of(names_of(run_dtypes)) + " [as trained]");
    command->add_flag("--flip", a->flip, "Judge the mean of the probabilities of a frame and of its mirror image");
    command->add_flag("--json", a->json, "Print metrics and the confusion matrix as JSON");
    command->callback([=, &action] {
        action = [=] {
            Model model = load_model(a->checkpoint, a->device, a->dtype);
            if (!a->size.empty()) take_size(model, a->size);
            model.flip = a->flip;
            const std::string folder = a->data.empty() ? model.config.data : a->data;
            if (folder.empty())
                fail_usage("{} was not trained here, so it names no data: give --data FOLDER", a->checkpoint);
            DatasetOptions frames;
            frames.channels = picture_channels(*model.net);
            const Dataset dataset =
                DataFolder::open(folder, folder_options(a->source, model, folder)).dataset(a->split, frames);
            // An imported network whose classes nobody has named takes the names of the data.
            if (model.classes.names == numbered_classes(dataset.classes().count()).names)
                model.classes = dataset.classes();
            if (dataset.classes().names != model.classes.names) {
                const ClassTable* known = known_classes(model.classes.name);
                const bool maps = known && known->names == model.classes.names;
                fail("{} has {}, the network was trained for {}: {}{}", folder, described(dataset.classes()),
                     described(model.classes), class_difference(dataset.classes(), model.classes),
                     maps ? fmt::format("; --classes {} maps those that have a counterpart", known->name) : "");
            }
            const std::atomic<bool>& stop = interruption();
            ProgressLine line;
            const auto progress = [&](std::size_t done, std::size_t total) {
                if (!a->json)
                    line.update(static_cast<double>(done), static_cast<double>(total),
                                fmt::format("{}/{}", done, total));
            };
            const EvalResult result = evaluate(model, dataset, progress, &stop);
            line.clear();
            if (stop) return interrupted_exit;
            if (a->json) {
                nlohmann::json json = metrics_json(result.confusion, model.classes.names);
                json["loss"] = result.loss;
                json["iou_score"] = result.iou_score;
                json["images_per_second"] = result.images_per_second;
                fmt::print("{}\n", json.dump(2));
            } else {
                fmt::print("{} on {} frames of {} ({}): loss {:.4f}, soft iou_score {:.4f}, {:.1f} images/s\n{}",
                           one_line(a->checkpoint), dataset.size(), one_line(folder), one_line(a->split), result.loss,
                           result.iou_score, result.images_per_second,
                           format_table(result.confusion, model.classes.names));
            }
            return 0;
        };
    });
}

}  // namespace camber::cli
