#include <camber/autograd.h>
#include <camber/checkpoint.h>
#include <camber/ops.h>
#include <camber/train.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "backend/backend.h"
#include "backend/convolution_settings.h"
#include "train/batch_source.h"
#include "train/class_difference.h"
#include "train/evaluator.h"
#include "train/finite.h"
#include "train/judgement.h"
#include "train/plan.h"
#include "train/pretrained.h"
#include "train/protocol.h"
#include "train/reporter.h"
#include "train/run_folder.h"
#include "train/saver.h"
#include "train/stepper.h"

namespace camber {
namespace {

/// How often progress asks a GPU for its sums: each time it waits for the steps that are queued.
constexpr double pull_seconds = 0.5;

/// Adds the seconds of its lifetime to a sum.
class Stopwatch {
  public:
    explicit Stopwatch(double& sum) : sum_(sum) {}
    ~Stopwatch() { sum_ += seconds_since(start_); }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    double& sum_;
    const Clock::time_point start_ = Clock::now();
};

/// One training run, new or resumed.
class Run {
  public:
    Run(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer, const std::atomic<bool>& stop)
        : Run(folder, observer, stop) {
        if (std::filesystem::exists(folder)) hold_new_folder();
        check_config(config);
        data_.emplace(config, observer);
        plan_run(config, *data_);
        plan_epochs(config, *data_, observer, begin_);
        set_up(std::move(config), nullptr);
    }

    Run(const std::filesystem::path& folder, const ResumeOptions& options, TrainObserver& observer,
        const std::atomic<bool>& stop)
        : Run(folder, observer, stop) {
        if (!std::filesystem::is_directory(folder))
            fail_usage("{}: there is no such folder, so no run to continue", folder.string());
        lock_.emplace(folder);
        if (std::filesystem::exists(folder_.last())) {
            const CheckpointFile checkpoint = CheckpointFile::open(folder_.last());
            const CheckpointInfo& info = checkpoint.info();
            TrainConfig config = train_config(info.config, folder_.last().string());
            apply(options, config, info.epoch + (info.batch > 0 ? 1 : 0));
            data_.emplace(config, observer);
            try {
                refuse_other_classes(info);
                set_up(std::move(config), &checkpoint);
            } catch (const nlohmann::json::exception&) {
                fail_damaged(folder_.last());
            }
        } else {
            TrainConfig config = folder_.stored_config();
            apply(options, config, 0);
            leave_classes_to_data(config);
            observer.on_message(
                fmt::format("{} was ended before its first checkpoint: it begins anew", folder_.name()));
            data_.emplace(config, observer);
            plan_run(config, *data_);
            set_up(std::move(config), nullptr);
        }
    }

    TrainResult run() {
        if (resumed_) {
            if (const std::string why = why_ended(); !why.empty()) {
                observer_.on_message(fmt::format("the run has ended: {}; it stays as it is", why));
                return result(epoch_ < epochs_ ? TrainOutcome::stopped_early : TrainOutcome::finished);
            }
            folder_.write_config(to_json(run_));
            if (const std::string said = folder_.rewind_metrics(epoch_); !said.empty()) observer_.on_message(said);
            begin_report();
        }
        try {
            const TrainOutcome outcome = train_all();
            reporter_.end(outcome == TrainOutcome::finished        ? "finished"
                          : outcome == TrainOutcome::stopped_early ? "stopped"
                                                                   : "interrupted",
                          outcome == TrainOutcome::stopped_early ? why_stop() : "");
            return result(outcome);
        } catch (const std::exception& error) {
            reporter_.end("failed", error.what());
            throw;
        }
    }

  private:
    TrainOutcome train_all() {
        observer_.on_message(description());
        const bool chosen = convolution_settings().choice != ConvolutionChoice::automatic || verbose();
        if (chosen && is_host(model_.device())) {
            observer_.on_message(
                fmt::format("--conv and --verbose have no effect on {}: they are cuda's", name(model_.device())));
        }
        if (!model_.start.empty()) observer_.on_message(model_.start);
        last_save_ = start_ = Clock::now();
        TrainOutcome outcome = train_stage();
        while (outcome == TrainOutcome::finished && stage_ + 1 < stage_count(run_)) {
            enter_stage(stage_ + 1);
            outcome = train_stage();
        }
        save_last();
        saver_->wait();
        return outcome;
    }

    Run(const std::filesystem::path& folder, TrainObserver& observer, const std::atomic<bool>& stop)
        : folder_(folder), reporter_(folder_, observer), observer_(observer), stop_(stop) {}

    /// Against other processes, and refuses one with a run in it.
    void hold_new_folder() {
        lock_.emplace(folder_.path());
        folder_.refuse_existing();
    }

    /// Whether its learning rates mean the same in a longer run.
    static bool can_grow(const TrainConfig& config) {
        const ScheduleKind kind = config.schedule.kind;
        return config.stages.empty() && (kind == ScheduleKind::constant || kind == ScheduleKind::step);
    }

    /// `begun`: epochs that cannot be left out any more.
    void apply(const ResumeOptions& options, TrainConfig& config, std::int64_t begun) const {
        if (options.data) config.data = *options.data;
        if (options.threads) config.threads = *options.threads;
        if (options.cache_memory) config.cache_memory = *options.cache_memory;
        check_config(config);
        if (!options.epochs || *options.epochs == config.epochs) return;
        if (!config.stages.empty()) fail_usage("--epochs cannot change in a resumed run of several stages");
        if (!can_grow(config)) {
            fail_usage(
                "--epochs cannot change in a resumed run with the schedule {}, whose learning rates are laid out over "
                "--epochs {}; start a new run with --weights {}",
                name(config.schedule.kind), config.epochs, folder_.last().string());
        }
        if (*options.epochs < begun) fail_usage("--epochs {}: {} are begun already", *options.epochs, begun);
        config.epochs = *options.epochs;
        config.minutes = 0;
    }

    /// Refuses data whose labels are not those that the run has learnt.
    void refuse_other_classes(const CheckpointInfo& info) const {
        const std::string last = folder_.last().string();
        const ClassTable learnt = parse_class_table(info.extra.at("classes").dump(), last);
        const std::string difference = class_difference(data_->train().classes(), learnt);
        if (difference.empty()) return;
        fail(
            "{} has learnt {}, the data has {}: {}; give --data the run's own dataset, or start a new run with "
            "--weights {}",
            last, described(learnt), described(data_->train().classes()), difference, last);
    }

    /// Builds network, optimizer and position: of a checkpoint where there is one.
    void set_up(TrainConfig config, const CheckpointFile* checkpoint) {
        run_ = std::move(config);
        check_warmup(run_, *data_);
        for (std::size_t i = 0; i < stage_count(run_); ++i) epochs_ += stage_config(run_, i).epochs;
        resumed_ = folder_ready_ = checkpoint != nullptr;
        const std::size_t stage = resumed_ ? checkpoint->info().extra.value("stage", std::size_t{0}) : 0;
        model_ = data_->make_model(stage_config(run_, stage), !resumed_);
        run_.device = model_.config.device;
        run_.dtype = model_.config.dtype;
        saver_.emplace(folder_, is_host(model_.device()));
        enter_stage(stage);
        if (resumed_) restore(*checkpoint);
    }

    TrainResult result(TrainOutcome outcome) const {
        const bool has_best = std::filesystem::exists(folder_.best());
        return {outcome,           static_cast<int>(epoch_),      run_.monitor,
                best_.value_or(0), static_cast<int>(best_epoch_), has_best ? folder_.best() : ""};
    }

    /// Configures model, optimizer and counters for a stage that begins.
    void enter_stage(std::size_t stage) {
        TrainConfig& config = model_.config;
        stage_ = stage;
        stage_begin_ = {};
        for (std::size_t i = 0;; ++i) {
            config = stage_config(run_, i);
            batches_ = data_->batches_per_epoch(config);
            const std::int64_t epoch_steps = data_->steps_per_epoch(config), steps = epoch_steps * config.epochs;
            if (i == stage) {
                if (config.schedule.kind == ScheduleKind::step && config.schedule.step_size == 0)
                    config.schedule.step_size = epochs_a_step(config) * epoch_steps;
                freeze_encoder(*model_.net, config.freeze_encoder, config.freeze_batch_norms);
                evaluator_.reset();
                stepper_.emplace(model_, steps);
                said_not_recorded_ = false;
                return;
            }
            stage_begin_.epoch += config.epochs;
            stage_begin_.batch += batches_ * config.epochs;
            stage_begin_.step += steps;
        }
    }

    TrainOutcome train_stage() {
        if (stage_count(run_) > 1)
            observer_.on_message(fmt::format("stage {} of {}: {}", stage_ + 1, stage_count(run_), stage_description()));
        BatchSource source(data_->train(), data_->loader_config(model_.config), data_->resident_train(model_.device()),
                           stepper_->buffers(), epoch_ + batch_ / batches_, batch_ % batches_);
        while (epoch_ < stage_begin_.epoch + model_.config.epochs) {
            if (!train_epoch(source) || !finish_epoch()) return TrainOutcome::interrupted;
            if (const std::string why = why_stop(); epoch_ < epochs_ && !why.empty()) {
                observer_.on_message(why + ": stopping");
                return TrainOutcome::stopped_early;
            }
            if (epoch_ < epochs_ && (must_save() || saver_->has_time(seconds_since(start_)))) save_last();
        }
        return TrainOutcome::finished;
    }

    std::int64_t steps() const { return stage_begin_.step + stepper_->steps(); }
    /// Micro-batches of the whole run that are done.
    std::int64_t forwards() const { return stage_begin_.batch + (epoch_ - stage_begin_.epoch) * batches_ + batch_; }

    std::string description() const {
        const TrainConfig& config = model_.config;
        std::string text =
            fmt::format("{} with {} parameters on {} ({}), {} training and {} validation frames", config.net,
                        model_.parameters->parameter_count(), name(model_.device()), name(model_.dtype()),
                        data_->train().size(), data_->val() ? data_->val()->size() : 0);
        if (stage_count(run_) == 1) text += ", " + stage_description();
        if (epoch_ + batch_ > 0) text += fmt::format("; resumed at epoch {}, batch {}", epoch_ + 1, batch_);
        return text;
    }
    std::string stage_description() const {
        const TrainConfig& config = model_.config;
        return fmt::format("{}x{}, batch {}, {} epoch{}{}", config.height, config.width, config.batch, config.epochs,
                           config.epochs == 1 ? "" : "s", config.freeze_encoder ? ", the encoder frozen" : "");
    }

    /// False when interrupted.
    bool train_epoch(BatchSource& source) {
        const TrainConfig& config = model_.config;
        model_.net->train();
        epoch_start_ = Clock::now();
        const double saving_before = saving_seconds_;
        const std::int64_t batches_before = batch_;
        while (batch_ < batches_) {
            const std::int64_t round = std::min<std::int64_t>(config.accumulate, batches_ - batch_);
            try {
                for (std::int64_t i = 0; i < round; ++i) stepper_->micro_batch(source.next(), forwards() + i, i, round);
            } catch (const Stepper::NotFinite& error) {
                fail_not_finite(error);
            }
            if (batch_ + round == batches_ || seconds_since(last_pull_) > pull_seconds) pull();
            make_folder();
            saver_->check();
            batch_ += round;
            train_rate_ = static_cast<double>((batch_ - batches_before) * config.batch) / seconds_since(epoch_start_);
            report_step();
            if (stop_) {
                pull();
                return false;
            }
            if (batch_ < batches_ && must_save()) {
                pull();
                save_last();
            }
        }
        train_seconds_ = seconds_since(epoch_start_) - (saving_seconds_ - saving_before);
        return true;
    }

    void pull() {
        try {
            stepper_->pull();
        } catch (const Stepper::NotFinite& error) {
            fail_not_finite(error);
        }
        last_pull_ = Clock::now();
        if (!stepper_->why_not_recorded().empty() && !said_not_recorded_) {
            observer_.on_message("steps are queued an operation at a time: " + stepper_->why_not_recorded());
            said_not_recorded_ = true;
        }
    }

    double mean_loss() const { return stepper_->sums().loss / static_cast<double>(stepper_->sums().batches); }

    /// Only once a step has succeeded: a run that cannot start leaves nothing behind.
    void make_folder() {
        if (folder_ready_) return;
        folder_.make();
        if (!lock_) hold_new_folder();
        folder_.begin(to_json(run_));
        begin_report();
        folder_ready_ = true;
    }

    void begin_report() {
        trained_on_ = split_json(data_->folder(), "train");
        reporter_.begin(
            run_json(run_, model_, protocol_json(run_, data_->folder(), data_->val(), model_.classes, trained_on_)));
    }

    void report_step() {
        const TrainConfig& config = model_.config;
        const double batch_seconds = config.batch / train_rate_;
        const double epochs_after = static_cast<double>(epochs_ - epoch_ - 1);
        const double epoch_seconds = static_cast<double>(batches_) * batch_seconds + validation_seconds_;
        const double left =
            static_cast<double>(batches_ - batch_) * batch_seconds + validation_seconds_ + epochs_after * epoch_seconds;
        observer_.on_step({static_cast<int>(epoch_), epochs_, batch_, batches_, mean_loss(),
                           stepper_->sums().confusion.mean_iou(), stepper_->lr(), train_rate_, left});
    }

    [[noreturn]] void fail_not_finite(const Stepper::NotFinite& error) {
        saver_->save_best();
        saver_->wait();
        const bool saved = std::filesystem::exists(folder_.last());
        fail("{} (epoch {}, learning rate {:.3g}): {}; try a lower --lr or --clip", error.what(), epoch_ + 1,
             stepper_->lr(),
             saved ? fmt::format("the last good checkpoint is {} (epoch {}, step {})", folder_.last().string(),
                                 saved_epoch_, saved_step_)
                   : std::string("no checkpoint was written yet"));
    }

    /// Validates, records, and keeps the best weights. False when interrupted.
    bool finish_epoch() {
        std::optional<EvalResult> validation;
        const double lr = stepper_->lr();
        bool better = false;
        if (data_->val()) {
            validation = validate();
            if (stop_) return false;
            const double metric = validation->metric(model_.config.monitor);
            better = !best_ || (model_.config.monitor == Metric::loss ? metric < *best_ : metric > *best_);
            if (better) {
                best_ = metric;
                best_epoch_ = epoch_;
            }
        }
        const EpochReport report{static_cast<int>(epoch_),
                                 epochs_,
                                 mean_loss(),
                                 stepper_->sums().confusion.pixel_accuracy(),
                                 stepper_->sums().confusion.mean_iou(),
                                 validation ? &*validation : nullptr,
                                 better,
                                 seconds_since(epoch_start_),
                                 train_rate_};
        folder_.append_metrics(metrics_line(report, lr));
        stepper_->start_epoch();
        ++epoch_;
        batch_ = 0;
        if (better) keep_best(*validation);
        reporter_.update(seconds_since(start_));
        observer_.on_epoch(report);
        return true;
    }

    /// With the average of the weights, where there is one.
    EvalResult validate() {
        const auto start = Clock::now();
        if (!evaluator_) {
            // After an epoch of training, whose memory comes first.
            const ResidentDataset* resident = data_->resident_val(model_.device());
            evaluator_ = std::make_unique<Evaluator>(model_, *data_->val(), resident);
            said_validation_not_recorded_ = false;
        }
        std::optional<EvalResult> result;
        {
            const EmaScope averaged(stepper_->optimizer());
            model_.parameters->mark_changed();
            result = evaluator_->run([&](std::size_t done, std::size_t total) { observer_.on_validation(done, total); },
                                     &stop_);
        }
        model_.parameters->mark_changed();
        if (!evaluator_->why_not_recorded().empty() && !said_validation_not_recorded_) {
            observer_.on_message("validation is queued an operation at a time: " + evaluator_->why_not_recorded());
            said_validation_not_recorded_ = true;
        }
        validation_seconds_ = seconds_since(start);
        return *result;
    }

    /// Spread over the split.
    std::vector<std::size_t> frames_to_paint() const {
        const std::size_t count =
            std::min(data_->val()->size(), static_cast<std::size_t>(std::max(model_.config.pictures, 0)));
        std::vector<std::size_t> frames;
        for (std::size_t i = 0; i < count; ++i) frames.push_back(i * data_->val()->size() / count);
        return frames;
    }

    /// Of the epoch that has just been counted as done.
    void keep_best(const EvalResult& validation) {
        const Stopwatch watch(saving_seconds_);
        const std::vector<std::size_t> painted = frames_to_paint();
        const std::vector<std::size_t> shown = frames_to_show(validation, painted);
        saver_->keep_best(
            checkpoint(false), [this, validation, painted, shown, images = predictions(shown), epoch = epoch_ - 1] {
                std::vector<Image> of_painted;
                for (const std::size_t frame : painted)
                    of_painted.push_back(
                        images[static_cast<std::size_t>(std::find(shown.begin(), shown.end(), frame) - shown.begin())]);
                folder_.paint(*data_->val(), painted, of_painted);
                nlohmann::json judgement = judgement_json(validation, *data_->val(), shown, images);
                judgement["epoch"] = epoch;
                folder_.write_best_validation(judgement);
            });
    }

    /// With the average of the weights, where there is one.
    std::vector<Image> predictions(const std::vector<std::size_t>& frames) {
        std::vector<Image> maps;
        {
            const EmaScope averaged(stepper_->optimizer());
            model_.parameters->mark_changed();
            maps = evaluator_->predictions(frames);
        }
        model_.parameters->mark_changed();
        return maps;
    }

    nlohmann::json metrics_line(const EpochReport& report, double lr) {
        nlohmann::json line = {{"epoch", report.epoch},
                               {"stage", stage_},
                               {"step", steps()},
                               {"lr", lr},
                               {"train",
                                {{"loss", report.train_loss},
                                 {"pixel_accuracy", report.train_accuracy},
                                 {"mean_iou", report.train_mean_iou}}},
                               {"best", report.best},
                               {"seconds", report.seconds},
                               {"seconds_in",
                                {{"steps", train_seconds_},
                                 {"validation", report.validation ? validation_seconds_ : 0},
                                 {"checkpoints", std::exchange(saving_seconds_, 0)},
                                 {"report", reporter_.take_seconds()}}},
                               {"elapsed", seconds_since(begin_)},
                               {"images_per_second", report.images_per_second},
                               {"peak_bytes", peak_bytes(model_.device())}};
        if (report.validation) {
            line["val"] = scores_json(*report.validation, model_.classes.names);
            line["val"].erase("confusion");
        }
        return line;
    }

    /// Why a run that stands where this one does has ended; empty where it goes on.
    std::string why_ended() const {
        if (epoch_ >= epochs_) {
            return fmt::format("{} of {} epochs are done{}", epoch_, epochs_,
                               can_grow(run_) ? " (a larger --epochs goes on)" : "");
        }
        const TrainConfig& config = model_.config;
        if (batch_ > 0 || !data_->val()) return {};
        const bool lower = config.monitor == Metric::loss;
        if (config.stop_at > 0 && best_ && (lower ? *best_ <= config.stop_at : *best_ >= config.stop_at))
            return fmt::format("{} reached {:.4f}, and --stop-at is {:g}", name(config.monitor), *best_,
                               config.stop_at);
        if (config.patience > 0 && epoch_ - 1 - best_epoch_ >= config.patience) {
            return fmt::format("no better {} for {} epochs, and --patience is {}", name(config.monitor),
                               epoch_ - 1 - best_epoch_, config.patience);
        }
        return {};
    }

    /// The same for one that is under way, whose time may be over too.
    std::string why_stop() const {
        // The speed was measured once, on a machine that may have become busier since.
        const double minutes = model_.config.minutes;
        if (minutes > 0 && seconds_since(begin_) > minutes * 60 * 1.1)
            return fmt::format("{:g} minutes have passed after {} of {} epochs", minutes, epoch_, epochs_);
        return why_ended();
    }

    Checkpoint checkpoint(bool with_optimizer) {
        Checkpoint result;
        CheckpointInfo& info = result.info;
        info.config = to_json(run_);
        info.epoch = epoch_;
        info.batch = batch_;
        info.step = steps();
        info.seed = model_.config.seed;
        info.counters = {{"forward", static_cast<std::uint64_t>(forwards())}};
        info.best_metric_name = name(model_.config.monitor);
        info.best_metric = best_;
        info.best_epoch = best_epoch_;
        info.extra = {{"stage", stage_},
                      {"classes", nlohmann::json::parse(class_table_json(model_.classes))},
                      {"class_weights", data_->class_weights()},
                      {"trained_on", trained_on_},
                      {"sums", stepper_->sums().json()}};
        result.add("model.", model_.tensors());
        for (const NamedTensor& tensor : stepper_->optimizer().state()) {
            if (with_optimizer || tensor.name.starts_with("ema.")) result.tensors.push_back(tensor);
        }
        return result;
    }

    bool must_save() const { return seconds_since(last_save_) > model_.config.checkpoint_minutes * 60; }

    void save_last() {
        const Stopwatch watch(saving_seconds_);
        saver_->save(checkpoint(true));
        last_save_ = Clock::now();
        saved_epoch_ = epoch_ + 1;
        saved_step_ = steps();
    }

    void restore(const CheckpointFile& checkpoint) {
        const CheckpointInfo& info = checkpoint.info();
        checkpoint.load("model.", model_.tensors());
        checkpoint.load("", stepper_->optimizer().state());
        // A NaN need not reach the loss: ReLU takes it for zero.
        for (const auto& tensors : {model_.tensors(), stepper_->optimizer().state()})
            for (const NamedTensor& named : tensors)
                if (named.tensor.dtype() == Dtype::f32)
                    refuse_non_finite(named.tensor, fmt::format("{}: {}", folder_.last().string(), named.name));
        model_.parameters->mark_changed();
        epoch_ = info.epoch;
        batch_ = info.batch;
        saved_epoch_ = epoch_ + 1;
        saved_step_ = info.step;
        best_ = info.best_metric;
        best_epoch_ = info.best_epoch;
        stepper_->restore(EpochSums::from_json(info.extra.at("sums"), model_.classes.count()));
    }

    /// What came before a stage.
    struct Position {
        std::int64_t epoch = 0, batch = 0, step = 0;
    };

    const Clock::time_point begin_ = Clock::now();
    RunFolder folder_;
    Reporter reporter_;
    TrainObserver& observer_;
    const std::atomic<bool>& stop_;
    std::optional<FolderLock> lock_;
    bool resumed_ = false;       // from a checkpoint
    bool folder_ready_ = false;  // it and its config.json are there
    std::optional<RunData> data_;
    TrainConfig run_;  // model_.config is the stage's
    nlohmann::json trained_on_;
    std::size_t stage_ = 0;
    Position stage_begin_;
    int epochs_ = 0;  // of all stages
    Model model_;
    std::optional<Stepper> stepper_;
    std::unique_ptr<Evaluator> evaluator_;  // of the stage
    std::optional<Saver> saver_;
    std::int64_t batches_ = 0;            // an epoch of the stage
    std::int64_t epoch_ = 0, batch_ = 0;  // position: done
    std::optional<double> best_;
    std::int64_t best_epoch_ = -1;
    std::int64_t saved_epoch_ = 0, saved_step_ = 0;
    Clock::time_point start_, epoch_start_, last_save_, last_pull_;
    bool said_not_recorded_ = false, said_validation_not_recorded_ = false;
    double train_rate_ = 1, train_seconds_ = 0, validation_seconds_ = 0;
    double saving_seconds_ = 0;  // since the last line of metrics
};

}  // namespace

TrainResult train(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer,
                  const std::atomic<bool>& stop) {
    return Run(std::move(config), folder, observer, stop).run();
}

TrainResult resume_training(const std::filesystem::path& folder, const ResumeOptions& options, TrainObserver& observer,
                            const std::atomic<bool>& stop) {
    return Run(folder, options, observer, stop).run();
}

}  // namespace camber
