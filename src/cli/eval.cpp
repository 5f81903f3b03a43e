#include <camber/train.h>

#include <cmath>

#include "cli/commands.h"
#include "cli/inference_options.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "report/protocol.h"
#include "report/report.h"
#include "train/class_difference.h"
#include "train/judgement.h"
#include "train/protocol.h"

namespace camber::cli {
namespace {

/// What a report has beside the figures: every frame's, the pictures of the worst, the classes' colours.
nlohmann::json with_frames(nlohmann::json evaluation, Model& model, const Dataset& dataset, const EvalResult& result) {
    constexpr std::size_t worst = 12;
    const std::vector<std::size_t> shown = frames_to_show(result, {}, worst);
    evaluation.update(judgement_json(result, dataset, shown, predict(model, dataset, shown)));
    evaluation["class_table"] = nlohmann::json::parse(class_table_json(model.classes));
    return evaluation;
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
    struct Arguments {
        std::string checkpoint, data, split = "val", device, dtype, report;
        InferenceFlags inference;
        bool json = false;
        FolderOptions source;
    };
    CLI::App* command = app.add_subcommand("eval", "Judges a trained network on a split");
    command->footer("Example:\n  camber eval --checkpoint runs/NAME/best.safetensors --split val");
    auto a = std::make_shared<Arguments>();
    command->add_option("--checkpoint", a->checkpoint, "best.safetensors or last.safetensors of a run")->required();
    command->add_option("--data", a->data, "Folder of the dataset [the one it was trained on]");
    command->add_option("--split", a->split, "train, val or test")->capture_default_str();
    add_folder_options(*command, a->source);
    a->inference.declare(*command);
    command->add_option("--device", a->device, one_of(names_of(run_devices)) + " [as trained, where it can be used]");
    command->add_option("--dtype", a->dtype, one_of(names_of(run_dtypes)) + " [as trained]");
    command->add_flag("--json", a->json, "Print metrics, the confusion matrix and the protocol as JSON");
    command->add_option("--report", a->report, "Write a page there too, with the worst frames");
    command->callback([=, &action] {
        action = [=] {
            if (!a->report.empty()) refuse_among_frames(std::filesystem::absolute(a->report).parent_path(), a->report);
            Model model = load_model(a->checkpoint, a->device, a->dtype);
            a->inference.set(model);
            const std::string folder = a->data.empty() ? model.config.data : a->data;
            if (folder.empty())
                fail_usage("{} was not trained here, so it names no data: give --data FOLDER", a->checkpoint);
            DatasetOptions frames;
            frames.channels = picture_channels(*model.net);
            const DataFolder data = DataFolder::open(folder, folder_options(*command, a->source, model, folder));
            refuse_unused(a->source, data);
            const Dataset dataset = data.dataset(a->split, frames);
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
            nlohmann::json evaluation = scores_json(result, model.classes.names);
            evaluation["checkpoint"] = one_line(a->checkpoint);
            evaluation["device"] = name(model.device());
            evaluation["images_per_second"] = result.images_per_second;
            evaluation["protocol"] =
                protocol_json(model.config, data, &dataset, model.classes, model.trained_on, model.inference);
            evaluation["notes"] = data.notes();  // what labels were taken to be decides the figures
            if (!a->report.empty())
                report::write_page(a->report, report::evaluation_page(with_frames(evaluation, model, dataset, result)));
            if (a->json) {
                fmt::print("{}\n", evaluation.dump(2));
                return 0;
            }
            for (const std::string& note : data.notes()) fmt::print("{}\n", one_line(note));
            fmt::print("{}: loss {}, soft iou_score {:.4f}, {:.1f} images/s\n", one_line(a->checkpoint),
                       std::isfinite(result.loss) ? fmt::format("{:.4f}", result.loss) : "-", result.iou_score,
                       result.images_per_second);
            for (const auto& [what, how] : report::protocol_lines(evaluation["protocol"]))
                fmt::print("{}: {}\n", what, one_line(how));
            fmt::print("\n{}", format_table(result.confusion, model.classes.names));
            if (!a->report.empty()) fmt::print("\nreport: {}\n", one_line(a->report));
            return 0;
        };
    });
}

}  // namespace camber::cli
