#include <camber/checkpoint.h>
#include <camber/train.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <ctime>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "distributed/communicator.h"
#include "train/config_file.h"
#include "train/options.h"
#include "train/plan.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
    RunOptions run;
    std::string out;
    bool resume = false, print_config = false;
};

/// The folder that was asked for, or runs/NET-DATE-TIME: made at once, so that runs that begin in the same second get
/// folders of their own, and removed when nothing came to be in it.
class NewFolder {
  public:
    NewFolder(const std::string& given, const std::string& net) : path_(given) {
        if (!given.empty()) return;
        const std::string name = fmt::format("runs/{}-{:%Y%m%d-%H%M%S}", net, fmt::localtime(std::time(nullptr)));
        std::error_code error;
        made_runs_ = fs::create_directory("runs", error);
        for (int copy = 1; !made_ && !error; ++copy) {
            path_ = copy == 1 ? name : fmt::format("{}-{}", name, copy);
            made_ = fs::create_directory(path_, error);
        }
        if (error) fail("{}: cannot be made: {}", path_.string(), error_text(error.value()));
    }
    ~NewFolder() {
        std::error_code not_empty;
        if (made_) fs::remove(path_, not_empty);
        if (made_runs_) fs::remove("runs", not_empty);
    }
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
    bool made_ = false, made_runs_ = false;
};

void print_validation(const EvalResult& eval, const std::vector<std::string>& classes) {
    fmt::print("validation: loss {:.4f}, soft iou_score {:.4f}\n{}", eval.loss, eval.iou_score,
               format_table(eval.confusion, classes));
}

void print_result(const TrainResult& result, const fs::path& folder) {
    if (result.outcome == TrainOutcome::interrupted) {
        fmt::print("interrupted; the run is saved. Continue with: camber train --resume --out {}\n",
                   one_line(folder.string()));
        return;
    }
    if (result.best_checkpoint.empty() && result.best_epoch >= 0) {
        fmt::print(
            "done; best epoch {} with {} {:.4f}, but its best.safetensors is not there any more. The network is {}\n",
            result.best_epoch + 1, name(result.monitor), result.best_metric,
            one_line((folder / "last.safetensors").string()));
        return;
    }
    if (result.best_checkpoint.empty()) {
        fmt::print("done; nothing was validated, so there is no best epoch. The network is {}\n",
                   one_line((folder / "last.safetensors").string()));
        return;
    }
    fmt::print("best epoch {} with {} {:.4f}: {}\npictures (input | truth | prediction): {}\nreport: {}\n\n",
               result.best_epoch + 1, name(result.monitor), result.best_metric,
               one_line(result.best_checkpoint.string()), one_line((folder / "pictures").string()),
               one_line((folder / "report.html").string()));
    if (result.best_validation) {
        const std::vector<std::string> names =
            parse_class_table(CheckpointFile::open(result.best_checkpoint).info().extra.at("classes").dump(), "").names;
        print_validation(*result.best_validation, names);
        return;
    }
    Model model = load_model(result.best_checkpoint);
    const DataFolder data = DataFolder::open(model.config.data, folder_options(model, model.config.data));
    DatasetOptions frames;
    frames.channels = picture_channels(*model.net);
    const EvalResult eval = evaluate(model, data.dataset("val", frames));
    print_validation(eval, model.classes.names);
}

int finish(const TrainResult& result, ConsoleObserver& observer, const fs::path& folder) {
    observer.clear();
    if (observer.error() != 0) {
        fail("the output cannot be written: {}; the run is saved, and goes on with: camber train --resume --out {}",
             error_text(observer.error()), folder.string());
    }
    if (distributed::Communicator::world().first()) print_result(result, folder);
    return result.outcome == TrainOutcome::interrupted ? interrupted_exit : 0;
}

int run_resumed(const CLI::App& command, const Arguments& a, ConsoleObserver& observer, const std::atomic<bool>& stop) {
    if (a.out.empty()) fail_usage("--resume needs --out, the folder of the run to continue");
    std::vector<std::string> allowed = {"--resume", "--out", "--epochs", "--conv", "--verbose"};
    TrainConfig any;
    for (const TrainOption& option : train_options(any))
        if (option.beside) allowed.push_back(option.flag);
    for (const CLI::Option* option : command.get_options()) {
        if (option->count() > 0 && std::find(allowed.begin(), allowed.end(), option->get_name()) == allowed.end()) {
            fail_usage("{} cannot change in a resumed run: its configuration is in {}/config.json", option->get_name(),
                       a.out);
        }
    }
    const auto change = [&a](TrainConfig& config) { a.run.set(config); };
    return finish(resume_training(a.out, change, observer, stop), observer, a.out);
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("train", "Trains a network; Ctrl-C saves, --resume goes on");
    auto a = std::make_shared<Arguments>();
    a->run.declare(*command);
    command->add_option("--out", a->out, "Folder of the run [runs/NET-DATE-TIME]");
    command->add_flag(
        "--resume", a->resume,
        "Continue the run in --out; its configuration is kept, but for what leaves alone what it computes "
        "(--data, --threads, --memory, --tensorboard and the like) and, where the schedule is constant or "
        "step, --epochs");
    command->add_flag("--print-config", a->print_config, "Print the whole configuration as --config takes it, and end");

    command->footer(
        "Example:\n  camber train --data data/camvid --preset cpu --minutes 8\n\n"
        "Environment, to find a fault on a GPU: CAMBER_CHECK=1 names the kernel that failed, CAMBER_MEMORY=exact or\n"
        "guarded finds what writes beyond a tensor. See docs/gpu.md.");

    command->callback([=, &action] {
        action = [=] {
            const std::atomic<bool>& stop = interruption();
            ConsoleObserver observer;
            distributed::Communicator::world();  // before a device is looked for: each process has its own
            a->run.choose_convolutions();
            if (a->resume) return run_resumed(*command, *a, observer, stop);
            if (a->print_config) {
                const TrainConfig config = a->run.config();
                check_run(config);
                fmt::print("{}", config_text(config));
                return 0;
            }
            const TrainConfig config = a->run.config_with_data();
            if (!a->out.empty()) refuse_among_frames(a->out, a->out);
            std::error_code none;
            if (!a->out.empty() && fs::equivalent(a->out, config.data, none))
                fail_usage("--out {} is the dataset's own folder: choose another for the run", a->out);
            // The first process's; the others write nothing.
            const bool named = !a->out.empty() || distributed::Communicator::world().first();
            std::optional<NewFolder> made;
            if (named) made.emplace(a->out, config.net);
            const fs::path folder = made ? made->path() : fs::path();
            return finish(train(config, folder, observer, stop), observer, folder);
        };
    });
}

}  // namespace camber::cli
