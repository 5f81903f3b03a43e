#include <camber/checkpoint.h>
#include <camber/train.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <ctime>
#include <map>

#include "backend/convolution_settings.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "train/config_file.h"
#include "train/options.h"
#include "train/pretrained.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* default_preset = "keras-unet";

/// What is given replaces what the file --config says, and that the preset's.
struct Arguments {
    std::string preset, config, out, conv;
    std::map<std::string, std::string> options;  // by their names in train_options()
    std::map<std::string, std::string> net_options;
    bool resume = false, verbose = false, print_config = false;

    bool given(const std::string& option) const { return options.contains(option); }
    void set_options(TrainConfig& config) const {
        for (const auto& [name, text] : options) set_train_option(config, name, text);
    }
};

/// Declares the flag of an option of a run.
void add_option(CLI::App& command, const TrainOption& option, std::map<std::string, std::string>& given) {
    const auto store = [&given, name = option.name](const std::string& text) { given[name] = text; };
    const auto check = [name = option.name](const std::string& text) {
        TrainConfig tried;
        return set_train_option(tried, name, text);
    };
    const std::string help = option.full_help();
    CLI::Option* flag = nullptr;
    if (option.is<bool*>()) {
        const char* text = option.flag.starts_with("--no-") ? "false" : "true";
        const auto take = [=](std::int64_t count) {
            if (count > 0) store(text);
        };
        flag = command.add_flag_function(option.flag, take, help);
    } else if (option.is<std::vector<double>*>()) {
        const auto take = [=](const std::vector<std::string>& texts) {
            store(fmt::format("{}", fmt::join(texts, ",")));
        };
        flag = command.add_option_function<std::vector<std::string>>(option.flag, take, help)->delimiter(',');
    } else {
        flag = command.add_option_function<std::string>(option.flag, store, help);
    }
    if (!option.is<bool*>()) flag->check(CLI::Validator(check, ""))->type_name(option.type());
    flag->group(option.group);
}

/// What was given on the command line holds throughout, whatever the preset's stages say.
void hold_in_every_stage(const Arguments& a, TrainConfig& config) {
    for (const TrainOption& option : train_options(config)) {
        if (!a.given(option.name)) continue;
        for (auto& stage : config.stages)
            for (const std::string& key : option.keys) stage.erase(key);
    }
}

/// --classes 1 is the network's option, a network of one channel; other counts are the data's to say.
void take_class_count(TrainConfig& config) {
    std::string& classes = config.source.classes;
    if (classes.empty() || classes.find_first_not_of("0123456789") != std::string::npos) return;
    if (classes != "1") {
        fail_usage("--classes {}: the data says how many classes the network has; --classes TABLE makes others of them",
                   classes);
    }
    config.net_options["classes"] = 1;
    classes.clear();
}

/// What the options begin with: the preset, and over it the file.
TrainConfig starting_point(const Arguments& a) {
    if (a.config.empty()) return train_preset(a.preset.empty() ? default_preset : a.preset);
    const ConfigFile file(a.config);
    const std::string& preset = a.preset.empty() ? file.preset() : a.preset;
    return file.over(train_preset(preset.empty() ? default_preset : preset), !preset.empty());
}

/// That, with what is given.
TrainConfig configured(const Arguments& a) {
    TrainConfig config = starting_point(a);
    const TrainConfig start = config;
    const std::string net = config.net;
    if (a.given("epochs")) config.minutes = 0;
    a.set_options(config);
    if (config.net != net) config.net_options = nlohmann::json::object();
    if (a.given("weights")) check_config(config);  // before what it names is read
    const bool taken = a.given("weights") && !a.given("net") && take_network(config);
    if (taken) a.set_options(config);
    set_net_options(config.net_options, a.net_options);
    take_class_count(config);
    if (a.given("weights") && !taken) {
        nlohmann::json given = nlohmann::json::object();
        set_net_options(given, a.net_options);
        take_net_options(config, given);
    }
    hold_in_every_stage(a, config);
    refuse_without_effect(config, [&](const std::string& option) { return a.given(option); });
    if (!same_run(config, start)) config.decisions = nlohmann::json::array();  // another run's
    return config;
}

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
        fmt::print("done; no validation split, so no best epoch. The network is {}\n",
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
    print_result(result, folder);
    return result.outcome == TrainOutcome::interrupted ? interrupted_exit : 0;
}

int run_resumed(const CLI::App& command, const Arguments& a, ConsoleObserver& observer, const std::atomic<bool>& stop) {
    if (a.out.empty()) fail_usage("--resume needs --out, the folder of the run to continue");
    const std::vector<std::string> allowed = {"--resume",       "--out",    "--data", "--threads",
                                              "--cache-memory", "--epochs", "--conv", "--verbose"};
    for (const CLI::Option* option : command.get_options()) {
        if (option->count() > 0 && std::find(allowed.begin(), allowed.end(), option->get_name()) == allowed.end()) {
            fail_usage("{} cannot change in a resumed run: its configuration is in {}/config.json", option->get_name(),
                       a.out);
        }
    }
    TrainConfig given;
    a.set_options(given);
    ResumeOptions options;
    if (a.given("data")) options.data = given.data;
    if (a.given("threads")) options.threads = given.threads;
    if (a.given("cache_memory")) options.cache_memory = given.cache_memory;
    if (a.given("epochs")) options.epochs = given.epochs;
    return finish(resume_training(a.out, options, observer, stop), observer, a.out);
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("train", "Trains a network; Ctrl-C saves, --resume goes on");
    auto a = std::make_shared<Arguments>();
    // The last of several wins, so that a script's options can be added to.
    command->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

    TrainConfig defaults = train_preset(default_preset);
    for (const TrainOption& option : train_options(defaults)) {
        if (!option.help.empty()) add_option(*command, option, a->options);
    }
    add_net_flags(*command, a->net_options);

    std::string presets = "Where the options below start from";
    for (const TrainPreset& preset : train_presets()) presets += fmt::format("; {}: {}", preset.name, preset.what);
    command->add_option("--out", a->out, "Folder of the run [runs/NET-DATE-TIME]");
    command->add_flag("--resume", a->resume,
                      "Continue the run in --out; its configuration is kept, but for --data, --threads, --cache-memory "
                      "and, where the schedule is "
                      "constant or step, --epochs");
    command->add_option("--preset", a->preset, fmt::format("{} [{}]", presets, default_preset));
    command->add_option("--config", a->config,
                        "File of options, config.json of a run or the like in TOML: over the preset, under what is "
                        "given here");
    command->add_flag("--print-config", a->print_config, "Print the whole configuration as --config takes it, and end");

    command
        ->add_option("--conv", a->conv,
                     "Convolutions on cuda: own, cudnn, cublas or auto, the fastest by measurement [auto]")
        ->group("Device");
    command->add_flag("--verbose", a->verbose, "Say which convolution was chosen for every shape on cuda, and why")
        ->group("Device");
    command->footer(
        "Example:\n  camber train --data data/camvid --preset cpu --minutes 8\n\n"
        "Environment, to find a fault on a GPU: CAMBER_CHECK=1 names the kernel that failed, CAMBER_MEMORY=exact or\n"
        "guarded finds what writes beyond a tensor. See docs/gpu.md.");

    command->callback([=, &action] {
        action = [=] {
            const std::atomic<bool>& stop = interruption();
            ConsoleObserver observer;
            if (!a->conv.empty()) {
                ConvolutionSettings settings = convolution_settings();
                settings.choice = parse_convolution_choice(a->conv);
                set_convolution_settings(settings);
            }
            if (a->verbose) set_verbose(true);
            if (a->resume) return run_resumed(*command, *a, observer, stop);
            const auto need_data = [](bool there) {
                if (there) return;
                fail_usage(
                    "--data is missing: the folder of a dataset, as data/get_camvid.sh or `camber data synth` make "
                    "one");
            };
            need_data(a->given("data") || !a->config.empty() || a->print_config);
            const TrainConfig config = configured(*a);
            if (a->print_config) {
                check_config(config);
                fmt::print("{}", config_text(config));
                return 0;
            }
            need_data(!config.data.empty());
            if (!a->out.empty()) refuse_among_frames(a->out, a->out);
            const NewFolder folder(a->out, config.net);
            return finish(train(config, folder.path(), observer, stop), observer, folder.path());
        };
    });
}

}  // namespace camber::cli
