#include <camber/train.h>
#include <fmt/chrono.h>

#include <csignal>
#include <ctime>

#include "backend/convolution_settings.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "train/config_fields.h"
#include "train/pretrained.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

/// "cross_entropy", "dice:0.5" or "cross_entropy+dice:0.5" into the terms' weights.
void parse_loss(const std::string& text, SegmentationLossParams& loss) {
    loss.cross_entropy = loss.dice = loss.jaccard = loss.focal = 0;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find('+', begin), text.size());
        const std::string term = text.substr(begin, end - begin);
        const std::size_t colon = term.find(':');
        const std::string name = term.substr(0, colon);
        double weight = 1;
        if (colon != std::string::npos) {
            std::string number = term.substr(colon + 1);
            if (const std::string wrong = number_check<double>(above(0))(number); !wrong.empty())
                fail_usage("--loss: the weight of {} {}", name, wrong);
            weight = std::stod(number);
        }
        if (name == "cross_entropy")
            loss.cross_entropy = weight;
        else if (name == "dice")
            loss.dice = weight;
        else if (name == "jaccard")
            loss.jaccard = weight;
        else if (name == "focal")
            loss.focal = weight;
        else
            fail_usage(
                "--loss: unknown term '{}': cross_entropy, dice, jaccard or focal, joined by +, each with an optional "
                ":WEIGHT",
                name);
        begin = end + 1;
    }
}

/// The options as given; only those that were given replace the preset's.
struct Arguments {
    std::string preset = "keras-unet", data, out, size, loss, schedule, device, dtype, conv, optimizer, class_weights,
                monitor;
    std::string net, weights, encoder_weights;
    std::vector<double> encoder_lr;
    bool freeze_encoder = false, freeze_batch_norms = false;
    std::vector<std::string> net_options;
    int batch = 0, accumulate = 0, epochs = 0, epoch_batches = 0, threads = 2, warmup = 0, patience = 0, pictures = 0;
    int net_width = 0, up_kernel = 0, head_kernel = 0;
    double lr = 0, weight_decay = 0, minutes = 0, clip = 0, ema = 0, stop_at = 0, label_smoothing = 0, dropout = 0,
           momentum = 0, beta2 = 0, checkpoint_minutes = 0;
    std::uint64_t seed = 0;
    int lr_step_size = 0;
    double lr_gamma = 0;
    bool resume = false, no_augment = false, nesterov = false, verbose = false;
};

/// What was given on the command line holds throughout, whatever the preset's stages say.
void hold_in_every_stage(const CLI::App& command, TrainConfig& config) {
    static const std::vector<std::pair<const char*, std::vector<const char*>>> fields = {
        {"--size", {"height", "width"}},
        {"--batch", {"batch"}},
        {"--accumulate", {"accumulate"}},
        {"--no-augment", {"augment"}},
        {"--epochs", {"epochs"}},
        {"--epoch-batches", {"epoch_batches"}},
        {"--lr", {"lr"}},
        {"--encoder-lr", {"encoder_lr"}},
        {"--weight-decay", {"weight_decay"}},
        {"--clip", {"clip"}},
        {"--schedule", {"schedule", "lr_step_size"}},
        {"--lr-step-size", {"lr_step_size"}},
        {"--lr-gamma", {"schedule"}},
        {"--warmup", {"schedule"}},
        {"--freeze-encoder", {"freeze_encoder"}},
        {"--freeze-batch-norms", {"freeze_batch_norms"}}};
    for (const auto& [option, names] : fields) {
        if (command.count(option) == 0) continue;
        for (auto& stage : config.stages)
            for (const char* name : names) stage.erase(name);
    }
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

void print_result(const TrainResult& result, const fs::path& folder) {
    if (result.outcome == TrainOutcome::interrupted) {
        fmt::print("interrupted; the run is saved. Continue with: camber train --resume --out {}\n",
                   one_line(folder.string()));
        return;
    }
    if (result.best_checkpoint.empty()) {
        fmt::print("done; no validation split, so no best epoch. The network is {}\n",
                   one_line((folder / "last.safetensors").string()));
        return;
    }
    fmt::print("best epoch {} with {} {:.4f}: {}\npictures (input | truth | prediction): {}\n\n", result.best_epoch + 1,
               result.monitor, result.best_metric, one_line(result.best_checkpoint.string()),
               one_line((folder / "pictures").string()));
    Model model = load_model(result.best_checkpoint);
    const EvalResult eval = evaluate(model, Dataset::open(model.config.data, "val"));
    fmt::print("validation: loss {:.4f}, soft iou_score {:.4f}\n{}", eval.loss, eval.iou_score,
               format_table(eval.confusion, model.classes.names));
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
    const std::vector<std::string> allowed = {"--resume", "--out",  "--data",   "--threads",
                                              "--epochs", "--conv", "--verbose"};
    for (const CLI::Option* option : command.get_options()) {
        if (option->count() > 0 && std::find(allowed.begin(), allowed.end(), option->get_name()) == allowed.end()) {
            fail_usage("{} cannot change in a resumed run: its configuration is in {}/config.json", option->get_name(),
                       a.out);
        }
    }
    ResumeOptions options;
    if (command.count("--data") > 0) options.data = a.data;
    if (command.count("--threads") > 0) options.threads = a.threads;
    if (command.count("--epochs") > 0) options.epochs = a.epochs;
    return finish(resume_training(a.out, options, observer, stop), observer, a.out);
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("train", "Trains a network; Ctrl-C saves, --resume goes on");
    auto a = std::make_shared<Arguments>();
    // The last of several wins, so that a script's options can be added to.
    command->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const auto given = [command](const char* name) { return command->count(name) > 0; };

    std::string presets = "Where the options below start from";
    for (const TrainPreset& preset : train_presets()) presets += fmt::format("; {}: {}", preset.name, preset.what);
    command->add_option("--data", a->data, "Folder of the dataset (SegNet's CamVid layout)");
    command->add_option("--out", a->out, "Folder of the run [runs/NET-DATE-TIME]");
    command->add_flag(
        "--resume", a->resume,
        "Continue the run in --out; its configuration is kept, but for --data, --threads and, where the schedule is "
        "constant or step, --epochs");
    command->add_option("--preset", a->preset, presets)->capture_default_str();

    command->add_option("--net", a->net, "Network [unet, or that of the checkpoint in --weights]")->group("Network");
    add_number(*command, "--width", a->net_width, at_least(1), "Filters of the first level [64]")->group("Network");
    add_number(*command, "--up-kernel", a->up_kernel, at_least(1), "Transposed convolutions: 2 or 3")->group("Network");
    add_number(*command, "--head-kernel", a->head_kernel, at_least(1), "Last convolution: 1 or 3")->group("Network");
    add_number(*command, "--dropout", a->dropout, from_below(0, 1), "Dropout rate")->group("Network");
    command->add_option("--net-option", a->net_options, "NAME=VALUE, any other option of the network (see camber info)")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Network");

    command
        ->add_option(
            "--weights", a->weights,
            "Weights of the whole network (a checkpoint, .pth, .h5, safetensors) to start from; a last layer for "
            "other classes starts anew")
        ->group("Network");
    command
        ->add_option("--encoder-weights", a->encoder_weights,
                     "A classifier's weights (.pth, .h5, safetensors) that the encoder starts from")
        ->group("Network");
    command->add_flag("--freeze-encoder", a->freeze_encoder, "Keep the encoder's weights; batch norms go on learning")
        ->group("Network");
    command->add_flag("--freeze-batch-norms", a->freeze_batch_norms, "With --freeze-encoder: its batch norms too")
        ->group("Network");

    command->add_option("--size", a->size, "HEIGHTxWIDTH of the network's input [256x256]")->group("Data");
    add_number(*command, "--batch", a->batch, train_number("batch"), "Frames a batch [8]")->group("Data");
    add_number(*command, "--threads", a->threads, train_number("threads"), "Threads that prepare batches [2]")
        ->group("Data");
    command->add_flag("--no-augment", a->no_augment, "Whole frames, no random crop, flip, scale or colour")
        ->group("Data");

    add_number(*command, "--epochs", a->epochs, train_number("epochs"), "Passes over the training frames [60]")
        ->group("Training");
    add_number(*command, "--epoch-batches", a->epoch_batches, train_number("epoch_batches"),
               "Batches an epoch, drawn anew each time [every frame once]")
        ->group("Training");
    add_number(*command, "--minutes", a->minutes, train_number("minutes"),
               "Choose --epochs to fit, from the speed measured at the start")
        ->group("Training");
    add_number(*command, "--lr", a->lr, train_number("lr"), "Peak learning rate [1e-3]")->group("Training");
    add_number(*command, "--encoder-lr", a->encoder_lr, train_number("encoder_lr"),
               "Times --lr for the encoder: one number, or one for each of its stages, as 0.01,0.1 [1]")
        ->delimiter(',')
        ->group("Training");
    command->add_option("--schedule", a->schedule, "constant, step, polynomial, cosine or one_cycle [one_cycle]")
        ->group("Training");
    add_number(*command, "--lr-step-size", a->lr_step_size, at_least(1),
               "Schedule step: epochs after which the rate is multiplied, again and again [a third of --epochs]")
        ->group("Training");
    add_number(*command, "--lr-gamma", a->lr_gamma, above(0), "Schedule step: by what [0.1]")->group("Training");
    add_number(*command, "--warmup", a->warmup, at_least(0), "Steps of linear warm-up before the schedule [0]")
        ->group("Training");
    command->add_option("--optimizer", a->optimizer, "sgd, adam or adamw [adamw]")->group("Training");
    add_number(*command, "--momentum", a->momentum, train_number("momentum"), "SGD's momentum [0.9]")
        ->group("Training");
    add_number(*command, "--beta2", a->beta2, train_number("beta2"),
               "Adam's and AdamW's decay of squared gradients [0.999]")
        ->group("Training");
    command->add_flag("--nesterov", a->nesterov, "SGD with Nesterov momentum")->group("Training");
    add_number(*command, "--weight-decay", a->weight_decay, train_number("weight_decay"),
               "Not applied to biases and batch normalisation [1e-4]")
        ->group("Training");
    add_number(*command, "--clip", a->clip, train_number("clip"), "Largest global gradient norm, 0 for none [1]")
        ->group("Training");
    add_number(*command, "--ema", a->ema, train_number("ema"),
               "Decay of the weight average that is evaluated, 0 for none [0]")
        ->group("Training");
    add_number(*command, "--accumulate", a->accumulate, train_number("accumulate"),
               "Batches averaged before each step [1]")
        ->group("Training");
    command
        ->add_option("--loss", a->loss,
                     "Terms cross_entropy, dice, jaccard, focal, as cross_entropy+dice:0.5 [cross_entropy]")
        ->group("Training");
    command->add_option("--class-weights", a->class_weights, "none, median (frequency) or sqrt (of median) [none]")
        ->group("Training");
    add_number(*command, "--label-smoothing", a->label_smoothing, train_number("loss.label_smoothing"),
               "Cross-entropy's [0]")
        ->group("Training");
    add_number(*command, "--seed", a->seed, train_number("seed"), "Of weights, order, augmentation and dropout [1]")
        ->group("Training");

    command
        ->add_option("--monitor", a->monitor,
                     "What makes an epoch the best: mean_iou, pixel_accuracy, iou_score, loss [mean_iou]")
        ->group("Stopping");
    add_number(*command, "--stop-at", a->stop_at, train_number("stop_at"),
               "Stop once the monitored metric is this good")
        ->group("Stopping");
    add_number(*command, "--patience", a->patience, train_number("patience"),
               "Stop after this many epochs without a better one")
        ->group("Stopping");
    add_number(*command, "--checkpoint-minutes", a->checkpoint_minutes, train_number("checkpoint_minutes"),
               "Save at least this often [5]")
        ->group("Stopping");
    add_number(*command, "--pictures", a->pictures, train_number("pictures"), "Validation frames to paint [4]")
        ->group("Stopping");

    command->add_option("--device", a->device, "cuda, cpu, emulated or reference [cuda where there is a GPU, else cpu]")
        ->group("Device");
    command->add_option("--dtype", a->dtype, "Activations: f32 or bf16 [bf16 on a GPU that has it, else f32]")
        ->group("Device");

    command
        ->add_option("--conv", a->conv,
                     "Convolutions on cuda: own, cudnn, cublas or auto, the fastest by measurement [auto]")
        ->group("Device");
    command->add_flag("--verbose", a->verbose, "Say which convolution was chosen for every shape on cuda, and why")
        ->group("Device");
    command->footer(
        "Environment, to find a fault on a GPU: CAMBER_CHECK=1 names the kernel that failed, CAMBER_MEMORY=exact or\n"
        "guarded finds what writes beyond a tensor. See docs/gpu.md.");

    command->callback([=, &action] {
        action = [=] {
            const std::atomic<bool>& stop = interruption();
            std::signal(SIGPIPE, SIG_IGN);  // the observer sees the error, and the run is saved
            ConsoleObserver observer;
            if (given("--conv")) {
                ConvolutionSettings settings = convolution_settings();
                settings.choice = parse_convolution_choice(a->conv);
                set_convolution_settings(settings);
            }
            if (a->verbose) set_verbose(true);
            if (a->resume) return run_resumed(*command, *a, observer, stop);
            if (a->data.empty()) {
                fail_usage(
                    "--data is missing: the folder of a dataset, as data/get_camvid.sh or `camber data synth` make "
                    "one");
            }
            TrainConfig config = train_preset(a->preset);
            config.data = a->data;
            config.threads = a->threads;
            const auto take = [&](const char* option, const auto& value, auto& field) {
                if (given(option)) field = value;
            };
            take("--net", a->net, config.net);
            if (given("--net") && config.net != train_preset(a->preset).net)
                config.net_options = nlohmann::json::object();
            take("--weights", a->weights, config.weights);
            if (given("--weights") && !given("--net")) {
                check_config(config);  // before what it names is read
                take_network(config.weights, config);
            }
            if (given("--width")) config.net_options["width"] = a->net_width;
            if (given("--up-kernel")) config.net_options["up_kernel"] = a->up_kernel;
            if (given("--head-kernel")) config.net_options["head_kernel"] = a->head_kernel;
            if (given("--dropout")) config.net_options["dropout"] = a->dropout;
            for (const std::string& option : a->net_options) set_net_option(config.net_options, option);
            take("--encoder-weights", a->encoder_weights, config.encoder_weights);
            config.freeze_encoder = config.freeze_encoder || a->freeze_encoder;
            config.freeze_batch_norms = config.freeze_batch_norms || a->freeze_batch_norms;
            if (given("--size")) std::tie(config.height, config.width) = parse_size(a->size);
            take("--batch", a->batch, config.batch);
            if (a->no_augment) config.augment.enabled = false;
            take("--epochs", a->epochs, config.epochs);
            if (given("--epochs")) config.minutes = 0;
            take("--epoch-batches", a->epoch_batches, config.epoch_batches);
            take("--minutes", a->minutes, config.minutes);
            take("--lr", a->lr, config.lr);
            take("--encoder-lr", a->encoder_lr, config.encoder_lr);
            if (given("--schedule")) config.schedule.kind = parse_schedule(a->schedule);
            for (const char* option : {"--lr-step-size", "--lr-gamma"}) {
                if (given(option) && config.schedule.kind != ScheduleKind::step)
                    fail_usage("{} is for --schedule step, not {}", option, name(config.schedule.kind));
            }
            take("--lr-step-size", a->lr_step_size, config.lr_step_size);
            take("--lr-gamma", a->lr_gamma, config.schedule.gamma);
            take("--warmup", a->warmup, config.schedule.warmup_steps);
            take("--optimizer", a->optimizer, config.optimizer);
            take("--momentum", a->momentum, config.momentum);
            take("--beta2", a->beta2, config.beta2);
            take("--nesterov", a->nesterov, config.nesterov);
            take("--weight-decay", a->weight_decay, config.weight_decay);
            take("--clip", a->clip, config.clip);
            take("--ema", a->ema, config.ema);
            take("--accumulate", a->accumulate, config.accumulate);
            if (given("--loss")) parse_loss(a->loss, config.loss);
            take("--class-weights", a->class_weights, config.class_weights);
            take("--label-smoothing", a->label_smoothing, config.loss.label_smoothing);
            take("--seed", a->seed, config.seed);
            take("--monitor", a->monitor, config.monitor);
            take("--stop-at", a->stop_at, config.stop_at);
            take("--patience", a->patience, config.patience);
            take("--checkpoint-minutes", a->checkpoint_minutes, config.checkpoint_minutes);
            take("--pictures", a->pictures, config.pictures);
            take("--device", a->device, config.device);
            take("--dtype", a->dtype, config.dtype);

            hold_in_every_stage(*command, config);

            const NewFolder folder(a->out, config.net);
            return finish(train(config, folder.path(), observer, stop), observer, folder.path());
        };
    });
}

}  // namespace camber::cli
