#include <camber/autograd.h>
#include <camber/checkpoint.h>
#include <camber/ops.h>
#include <camber/train.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "backend/backend.h"
#include "backend/convolution_settings.h"
#include "train/batch_size.h"
#include "train/batch_source.h"
#include "train/class_difference.h"
#include "train/config_file.h"
#include "train/evaluator.h"
#include "train/finite.h"
#include "train/judgement.h"
#include "train/pace.h"
#include "train/plan.h"
#include "train/pretrained.h"
#include "train/processes.h"
#include "train/protocol.h"
#include "train/reporter.h"
#include "train/run_clock.h"
#include "train/run_folder.h"
#include "train/saver.h"
#include "train/stepper.h"

namespace camber {
namespace {

/// How often progress asks a GPU for its sums: each time it waits for the steps that are queued.
constexpr double pull_seconds = 0.5;

/// Of writing the last checkpoints, for what a run by the clock keeps free at its end.
constexpr double bytes_a_second = 500e6;

/// One training run, new or resumed.
class Run {
  public:
    Run(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer, const std::atomic<bool>& stop,
        const SecondsClock& clock)
        : Run(folder, observer, stop, clock) {
        if (std::filesystem::exists(folder)) {
            if (!std::filesystem::is_directory(folder))
                fail_usage("{}: is a file: give the run a folder", folder.string());
            hold_new_folder();
        }
        check_config(config);
        check_choices(world_, config);
        allowance_ = memory_allowance(config);
        data_.emplace(config, observer_);
        plan_run(config, *data_, observer_);
        set_up(std::move(config), nullptr);
    }

    Run(const std::filesystem::path& folder, const ResumeChange& change, TrainObserver& observer,
        const std::atomic<bool>& stop, const SecondsClock& clock)
        : Run(folder, observer, stop, clock) {
        if (!std::filesystem::is_directory(folder))
            fail_usage("{}: there is no such folder, so no run to continue", folder.string());
        if (folder_.writes()) lock_.emplace(folder);
        if (std::filesystem::exists(folder_.last())) {
            const CheckpointFile checkpoint = CheckpointFile::open(folder_.last());
            const CheckpointInfo& info = checkpoint.info();
            TrainConfig config = train_config(info.config, folder_.last().string());
            // Written when the speed at the start chose the epochs.
            if (info.config.contains("epochs")) config.minutes = 0;
            folder_.add_decisions(config);
            apply(change, config, info.epoch + (info.batch > 0 ? 1 : 0));
            allowance_ = memory_allowance(config);
            data_.emplace(config, observer_);
            try {
                refuse_other_classes(info);
                set_up(std::move(config), &checkpoint);
            } catch (const nlohmann::json::exception&) {
                fail_damaged(folder_.last());
            }
        } else {
            TrainConfig config = folder_.stored_config();
            apply(change, config, 0);
            check_choices(world_, config);
            leave_classes_to_data(config);
            observer_.on_message(
                fmt::format("{} was ended before its first checkpoint: it begins anew", folder_.name()));
            allowance_ = memory_allowance(config);
            data_.emplace(config, observer_);
            plan_run(config, *data_, observer_);
            set_up(std::move(config), nullptr);
            follow_metrics();
        }
    }

    TrainResult run() {
        check_alike(world_, run_, *data_, model_, steps());
        if (resumed_) {
            if (const std::string why = why_ended(); !why.empty()) {
                observer_.on_message(fmt::format("the run has ended: {}; it stays as it is", why));
                const TrainOutcome outcome = complete() ? TrainOutcome::finished : TrainOutcome::stopped_early;
                reporter_.end_again(state_of(outcome), why_in_report(outcome));
                return result(outcome);
            }
            folder_.write_config(run_);
            follow_metrics();
            if (const std::string said = folder_.rewind_metrics(epoch_); !said.empty()) observer_.on_message(said);
            begin_report();
        }
        try {
            const TrainOutcome outcome = train_all();
            reporter_.end(state_of(outcome), why_in_report(outcome));
            return result(outcome);
        } catch (const OutOfMemory& error) {
            fail_advised(error.what());
        } catch (const std::bad_alloc&) {  // within a library
            fail_advised("out of memory");
        } catch (const std::exception& error) {
            reporter_.end("failed", error.what());
            throw;
        }
    }

  private:
    std::string advised(const std::string& what, TrainConfig config) const {
        resolve_device(config);
        return fmt::format("{}; {}", what, batch_advice(config, data_->planned(*config.device), resumed_));
    }

    [[noreturn]] void fail_advised(const std::string& what) {
        clear_tape();
        const OutOfMemory error(advised(what, model_.config));
        reporter_.end("failed", error.what());
        throw error;
    }

    TrainOutcome train_all() {
        if (pace_) following_ = following_ || pace_->recorded() > steps();
        observer_.on_message(description());
        const bool chosen = convolution_settings().choice != ConvolutionChoice::automatic || verbose();
        if (chosen && is_host(model_.device())) {
            observer_.on_message(
                fmt::format("--conv and --verbose have no effect on {}: they are cuda's", name(model_.device())));
        }
        if (model_.config.local_batch_norm && world_.alone())
            observer_.on_message("--local-batch-norm has no effect on one process");
        if (!model_.start.empty()) observer_.on_message(model_.start);
        last_save_ = start_ = now();
        if (resumed_) session_begin_ = start_;
        TrainOutcome outcome = train_stage();
        while (outcome == TrainOutcome::finished && stage_ + 1 < stage_count(run_)) {
            enter_stage(stage_ + 1);
            outcome = train_stage();
        }
        if (pace_ && outcome != TrainOutcome::interrupted && !pace_->closed()) {
            pace_->close(steps(), common(elapsed()));
            record_decisions();
            if (run_.schedule.warmup_steps >= steps()) {
                observer_.on_message(fmt::format("the run ended after {} steps, within --warmup {}: no --schedule came",
                                                 steps(), run_.schedule.warmup_steps));
            }
        }
        save_last();
        saver_->wait();
        return outcome;
    }

    Run(const std::filesystem::path& folder, TrainObserver& observer, const std::atomic<bool>& stop,
        const SecondsClock& clock)
        : clock_(clock),
          session_begin_(clock()),
          world_(distributed::Communicator::world()),
          folder_(folder, world_.first()),
          observer_(world_.first() ? observer : silent_),
          reporter_(folder_, observer_),
          stop_(stop) {}

    double now() const { return clock_(); }
    double seconds_since(double start) const { return now() - start; }
    /// Seconds that the run has taken, in earlier sessions too; what was done again after a kill counts once.
    double elapsed() const { return elapsed_before_ + seconds_since(session_begin_); }

    /// The first process's seconds, by which all decide.
    double common(double seconds) const {
        world_.broadcast(std::as_writable_bytes(std::span(&seconds, 1)));
        return seconds;
    }

    /// Against other processes, and refuses one with a run in it.
    void hold_new_folder() {
        if (!folder_.writes()) return;
        lock_.emplace(folder_.path());
        folder_.refuse_existing();
    }

    /// Whether its learning rates mean the same in a longer run.
    static bool can_grow(const TrainConfig& config) {
        const ScheduleKind kind = config.schedule.kind;
        return config.stages.empty() && config.minutes == 0 &&
               (kind == ScheduleKind::constant || kind == ScheduleKind::step);
    }

    /// `begun`: epochs that cannot be left out any more.
    void apply(const ResumeChange& change, TrainConfig& config, std::int64_t begun) const {
        config.source.map_of = config.data;
        TrainConfig changed = config;
        if (change) change(changed);
        const int epochs = std::exchange(changed.epochs, config.epochs);
        if (const std::string what = run_difference(config, changed); !what.empty())
            fail_usage("'{}' cannot change in a resumed run", what);
        config = std::move(changed);
        check_config(config);
        if (epochs == config.epochs) return;
        if (!config.stages.empty()) fail_usage("--epochs cannot change in a resumed run of several stages");
        if (config.minutes > 0) {
            fail_usage("--epochs cannot change in a resumed run that --minutes ends; start a new run with --weights {}",
                       folder_.last().string());
        }
        if (!can_grow(config)) {
            fail_usage(
                "--epochs cannot change in a resumed run with the schedule {}, whose learning rates are laid out over "
                "--epochs {}; start a new run with --weights {}",
                name(config.schedule.kind), config.epochs, folder_.last().string());
        }
        if (epochs < begun) fail_usage("--epochs {}: {} are begun already", epochs, begun);
        config.epochs = epochs;
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
        check_processes(world_, run_, *data_);
        check_warmup(run_, *data_);
        if (run_.minutes == 0)
            for (std::size_t i = 0; i < stage_count(run_); ++i) epochs_ += stage_config(run_, i).epochs;
        resumed_ = folder_ready_ = checkpoint != nullptr;
        const std::size_t stage = resumed_ ? checkpoint->info().extra.value("stage", std::size_t{0}) : 0;
        const TrainConfig config_now = stage_config(run_, stage);
        try {
            model_ = data_->make_model(config_now, !resumed_);
        } catch (const OutOfMemory& error) {
            throw OutOfMemory(advised(error.what(), config_now));
        }
        run_.device = model_.config.device;
        run_.dtype = model_.config.dtype;
        saver_.emplace(folder_, is_host(model_.device()));
        if (run_.minutes > 0) set_pace();
        enter_stage(stage);
        if (resumed_) restore(*checkpoint);
    }

    void set_pace() {
        const std::int64_t steps = data_->steps_per_epoch(run_);
        Pace::Plan plan{.seconds = run_.minutes * 60,
                        .epoch_steps = steps,
                        .validate_every = run_.validate_epochs,
                        .validate_seconds = run_.validate_minutes * 60};
        if (data_->val()) {
            // Of a step's time, forward is a third.
            const double frames = static_cast<double>(run_.batch) * run_.accumulate;
            plan.validation_steps = static_cast<double>(data_->val()->size()) / frames / 3;
        }
        // Of last.safetensors and best.safetensors, all that is in the optimizer and all that is averaged.
        plan.closing_seconds = 6.0 * static_cast<double>(model_.parameters->values().bytes()) / bytes_a_second;
        pace_.emplace(plan, run_.decisions, "the run's configuration");
    }

    TrainResult result(TrainOutcome outcome) const {
        const bool has_best = std::filesystem::exists(folder_.best());
        return {outcome,           static_cast<int>(epoch_),      run_.monitor,
                best_.value_or(0), static_cast<int>(best_epoch_), has_best ? folder_.best() : "",
                best_validation_};
    }

    /// Whether the run has done all that it was to do.
    bool complete() const { return pace_ ? pace_->over(steps()) && batch_ == 0 : epoch_ >= epochs_; }

    /// Goes by the record as far as the metrics of the folder show that it was followed.
    void follow_metrics() {
        if (!pace_) return;
        const auto line = folder_.last_metrics();
        if (!line || line->epoch < epoch_ || line->step < pace_->recorded()) return;
        following_ = true;
        metrics_followed_ = line;
    }

    /// From here the clock decides, which shows what it did when the run was here before.
    void go_by_clock(double elapsed) {
        following_ = false;
        elapsed_before_ = elapsed;
        session_begin_ = now();
    }

    void record_decisions() {
        run_.decisions = pace_->json();
        folder_.write_config(run_);
    }

    /// Decides anew how fast to go, when it is time.
    void keep_pace() {
        if (!pace_) return;
        if (following_) {
            if (!metrics_followed_ && steps() >= pace_->recorded()) go_by_clock(pace_->decisions().back().elapsed);
            return;
        }
        const double at = common(elapsed());
        if (!pace_->due(steps(), at)) return;
        const double start = now();
        pull();
        pace_->add_seconds(common(seconds_since(start)));
        if (data_->val() && validation_seconds_ == 0 && pace_->decisions().empty()) expect_validation();
        pace_->decide(steps(), common(elapsed()));
        record_decisions();
    }

    /// Before the first validation, which may be the only one, the time of a few batches says what it will take.
    void expect_validation() {
        constexpr int batches = 3;
        const double start = now();
        std::atomic<bool> enough = false;
        std::size_t done = 0, all = 0;
        const auto progress = [&](std::size_t frames, std::size_t of) {
            done = frames;
            all = of;
            enough = frames >= static_cast<std::size_t>(batches * run_.batch);
        };
        evaluator().run(progress, &enough);
        const double seconds =
            done > 0 ? seconds_since(start) * static_cast<double>(all) / static_cast<double>(done) : 0;
        if (const double expected = common(seconds); expected > 0) pace_->count_validation(expected);
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
                if (config.schedule.kind == ScheduleKind::step && config.schedule.step_size == 0 &&
                    (!pace_ || config.lr_step_size > 0))
                    config.schedule.step_size = epochs_a_step(config) * epoch_steps;
                freeze_encoder(*model_.net, config.freeze_encoder, config.freeze_batch_norms);
                evaluator_.reset();
                stepper_.emplace(model_, pace_ ? Stepper::scheduled(config, *pace_) : Stepper::scheduled(config, steps),
                                 world_);
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
        LoaderConfig loader = data_->loader_config(model_.config);
        std::tie(loader.share, loader.shares) = std::pair(world_.rank(), world_.size());
        BatchSource source(data_->train(), loader, data_->resident_train(model_.device()), stepper_->buffers(),
                           epoch_ + batch_ / batches_, batch_ % batches_);
        while (pace_ ? !complete() : epoch_ < stage_begin_.epoch + model_.config.epochs) {
            if (!train_epoch(source) || !finish_epoch()) return TrainOutcome::interrupted;
            if (const std::string why = why_ended(); !complete() && !why.empty()) {
                observer_.on_message(why + ": stopping");
                return TrainOutcome::stopped_early;
            }
            if (run_.checkpoint_every > 0 && epoch_ % run_.checkpoint_every == 0) {
                save_last(folder_.kept(epoch_));
            } else if (!complete() && (must_save() || saver_->has_time(seconds_since(start_))))
                save_last();
        }
        return TrainOutcome::finished;
    }

    /// Whether any process has been told to.
    bool stops() const { return world_.any(stop_); }

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
        if (!world_.alone()) text += fmt::format(", {} processes", world_.size());
        if (epoch_ + batch_ > 0) text += fmt::format("; resumed at epoch {}, batch {}", epoch_ + 1, batch_);
        return text;
    }
    std::string stage_description() const {
        const TrainConfig& config = model_.config;
        const std::string length = pace_ ? fmt::format("{:g} minutes", config.minutes)
                                         : fmt::format("{} epoch{}", config.epochs, config.epochs == 1 ? "" : "s");
        return fmt::format("{}x{}, batch {}, {}{}", config.height, config.width, config.batch, length,
                           config.freeze_encoder ? ", the encoder frozen" : "");
    }

    /// False when interrupted.
    bool train_epoch(BatchSource& source) {
        const TrainConfig& config = model_.config;
        model_.net->train();
        epoch_start_ = now();
        const double saving_before = saving_seconds_;
        const std::int64_t batches_before = batch_;
        while (batch_ < batches_ && !(pace_ && pace_->over(steps()))) {
            const double step_start = now();
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
            if (pace_) pace_->count_step(steps(), common(seconds_since(step_start)));
            keep_pace();
            if (stops()) {
                pull();
                return false;
            }
            if (batch_ < batches_ && must_save()) {
                pull();
                save_last();
            }
        }
        pull();
        train_seconds_ = seconds_since(epoch_start_) - (saving_seconds_ - saving_before);
        return true;
    }

    void pull() {
        try {
            stepper_->pull();
        } catch (const Stepper::NotFinite& error) {
            fail_not_finite(error);
        }
        last_pull_ = now();
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
        folder_.begin(run_);
        begin_report();
        folder_ready_ = true;
    }

    void begin_report() {
        if (!folder_.writes()) return;
        trained_on_ = split_json(data_->folder(), "train");
        reporter_.begin(
            run_json(run_, model_, protocol_json(run_, data_->folder(), data_->val(), model_.classes, trained_on_)));
        if (run_.tensorboard) reporter_.begin_tensorboard(run_, epoch_);
    }

    void report_step() {
        const TrainConfig& config = model_.config;
        const double batch_seconds = config.batch / train_rate_;
        if (pace_) {
            const double left = following_ ? static_cast<double>(pace_->end(steps()) - steps()) * batch_seconds
                                           : run_.minutes * 60 - elapsed();
            observer_.on_step({static_cast<int>(epoch_), 0, batch_, batches_, mean_loss(),
                               stepper_->sums().confusion.mean_iou(), stepper_->lr(), train_rate_, std::max(left, 0.0),
                               pace_->progress(steps())});
            return;
        }
        const double epochs_after = static_cast<double>(epochs_ - epoch_ - 1);
        const double epoch_seconds = static_cast<double>(batches_) * batch_seconds + validation_seconds_;
        const double left =
            static_cast<double>(batches_ - batch_) * batch_seconds + validation_seconds_ + epochs_after * epoch_seconds;
        const double done = static_cast<double>(epoch_) + static_cast<double>(batch_) / static_cast<double>(batches_);
        observer_.on_step({static_cast<int>(epoch_), epochs_, batch_, batches_, mean_loss(),
                           stepper_->sums().confusion.mean_iou(), stepper_->lr(), train_rate_, left, done / epochs_});
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
        const double lr = stepper_->lr(), start = now();
        bool better = false;
        if (data_->val() && validates()) {
            validation = validate();
            if (stops()) return false;
            judged_epoch_ = epoch_;
            const double metric = validation->metric(model_.config.monitor);
            better = !best_ || (model_.config.monitor == Metric::loss ? metric < *best_ : metric > *best_);
            if (better) {
                best_ = metric;
                best_epoch_ = epoch_;
                best_validation_ = validation;
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
        const nlohmann::json line = metrics_line(report, lr);
        folder_.append_metrics(line);
        if (metrics_followed_ && metrics_followed_->epoch == epoch_) {
            go_by_clock(metrics_followed_->elapsed);
            metrics_followed_.reset();
        }
        stepper_->start_epoch();
        ++epoch_;
        batch_ = 0;
        if (better) keep_best(*validation);
        reporter_.update(seconds_since(start_), line, *model_.parameters, stepper_->gradient_scale());
        // With what follows from it: the best weights are saved, the report is written.
        if (pace_ && validation) pace_->count_validation(common(seconds_since(start)));
        observer_.on_epoch(report);
        return true;
    }

    /// Whether the epoch that ends here is followed by a validation.
    bool validates() {
        if (pace_) return pace_->validates(epoch_, steps());
        int& every = run_.validate_epochs;
        if (every == 0 && run_.validate_minutes > 0) {
            const double seconds = common(train_seconds_);
            every = static_cast<int>(std::clamp(std::round(run_.validate_minutes * 60 / seconds), 1.0, 1e6));
            folder_.write_config(run_);
        }
        return every == 0 || (epoch_ + 1) % every == 0 || epoch_ + 1 == epochs_;
    }

    Evaluator& evaluator() {
        if (!evaluator_) {
            // After training has begun, whose memory comes first.
            const ResidentDataset* resident = data_->resident_val(model_.device());
            evaluator_ = std::make_unique<Evaluator>(model_, *data_->val(), resident, &world_);
            said_validation_not_recorded_ = false;
        }
        return *evaluator_;
    }

    /// With the average of the weights, where there is one.
    EvalResult validate() {
        const double start = now();
        std::optional<EvalResult> result;
        if (model_.config.local_batch_norm) take_first_statistics();
        {
            const EmaScope averaged(stepper_->optimizer());
            model_.parameters->mark_changed();
            result = evaluator().run([&](std::size_t done, std::size_t total) { observer_.on_validation(done, total); },
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

    /// Of running statistics that each process has by itself, all have the first one's, which are those saved.
    void take_first_statistics() {
        const Tensor& values = model_.parameters->buffer_values();
        if (!values || world_.alone()) return;
        const Tensor host = is_host(values.device()) ? values : values.to(Device::cpu);
        world_.broadcast({static_cast<std::byte*>(host.raw()), host.bytes()});
        if (!is_host(values.device())) values.copy_from(host);
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
        if (!folder_.writes()) return;
        const double start = now();
        const std::vector<std::size_t> painted = frames_to_paint();
        const std::vector<std::size_t> shown = frames_to_show(validation, painted);
        saver_->keep_best(
            checkpoint(false), [this, validation, painted, shown, images = predictions(shown), epoch = epoch_ - 1] {
                std::vector<Image> of_painted;
                for (const std::size_t frame : painted)
                    of_painted.push_back(
                        images[static_cast<std::size_t>(std::find(shown.begin(), shown.end(), frame) - shown.begin())]);
                folder_.paint(*data_->val(), painted, of_painted);
                std::vector<std::filesystem::path> files;
                for (const std::size_t frame : painted) files.push_back(folder_.picture(data_->val()->name(frame)));
                reporter_.painted(files, epoch);
                nlohmann::json judgement = judgement_json(validation, *data_->val(), shown, images);
                judgement["epoch"] = epoch;
                folder_.write_best_validation(judgement);
            });
        saving_seconds_ += seconds_since(start);
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
                               {"elapsed", elapsed()},
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
        if (!pace_ && complete()) {
            return fmt::format("{} of {} epochs are done{}", epoch_, epochs_,
                               can_grow(run_) ? " (a larger --epochs goes on)" : "");
        }
        if (const std::string why = why_stopped(); !why.empty()) return why;
        return pace_ && complete() ? fmt::format("its {:g} minutes are over", run_.minutes) : "";
    }

    static const char* state_of(TrainOutcome outcome) {
        return outcome == TrainOutcome::finished        ? "finished"
               : outcome == TrainOutcome::stopped_early ? "stopped"
                                                        : "interrupted";
    }
    std::string why_in_report(TrainOutcome outcome) const {
        return outcome == TrainOutcome::stopped_early ? why_stopped() : "";
    }

    /// By --stop-at or --patience.
    std::string why_stopped() const {
        const TrainConfig& config = model_.config;
        if (batch_ > 0 || !data_->val()) return {};
        const bool lower = config.monitor == Metric::loss;
        if (config.stop_at > 0 && best_ && (lower ? *best_ <= config.stop_at : *best_ >= config.stop_at))
            return fmt::format("{} reached {:.4f}, and --stop-at is {:g}", name(config.monitor), *best_,
                               config.stop_at);
        if (config.patience > 0 && best_ && judged_epoch_ == epoch_ - 1 &&
            judged_epoch_ - best_epoch_ >= config.patience) {
            return fmt::format("no better {} for {} epochs, and --patience is {}", name(config.monitor),
                               judged_epoch_ - best_epoch_, config.patience);
        }
        return {};
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
                      {"sums", stepper_->sums().json()},
                      {"judged_epoch", judged_epoch_},
                      {"elapsed", elapsed()}};
        if (pace_) info.extra["pace"] = pace_->measured();
        result.add("model.", model_.tensors());
        for (const NamedTensor& tensor : stepper_->optimizer().state()) {
            if (with_optimizer || tensor.name.starts_with("ema.")) result.tensors.push_back(tensor);
        }
        return result;
    }

    bool must_save() const { return seconds_since(last_save_) > model_.config.checkpoint_minutes * 60; }

    /// `keep`: under this name too.
    void save_last(const std::filesystem::path& keep = {}) {
        const double start = now();
        saver_->save(checkpoint(true), keep);
        last_save_ = now();
        saving_seconds_ += last_save_ - start;
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
        judged_epoch_ = info.extra.value("judged_epoch", epoch_ - 1);
        elapsed_before_ = info.extra.value("elapsed", 0.0);
        if (pace_ && info.extra.contains("pace")) pace_->restore_measured(info.extra["pace"]);
        stepper_->restore(EpochSums::from_json(info.extra.at("sums"), model_.classes.count()));
    }

    /// What came before a stage.
    struct Position {
        std::int64_t epoch = 0, batch = 0, step = 0;
    };

    const SecondsClock clock_;
    double session_begin_ = 0, elapsed_before_ = 0;
    distributed::Communicator& world_;
    TrainObserver silent_;  // of all processes but the first
    RunFolder folder_;
    TrainObserver& observer_;
    Reporter reporter_;
    const std::atomic<bool>& stop_;
    std::optional<FolderLock> lock_;
    bool resumed_ = false;       // from a checkpoint
    bool folder_ready_ = false;  // it and its config.json are there
    std::unique_ptr<LimitScope> allowance_;
    std::optional<RunData> data_;
    TrainConfig run_;  // model_.config is the stage's
    nlohmann::json trained_on_;
    std::size_t stage_ = 0;
    Position stage_begin_;
    int epochs_ = 0;  // of all stages; 0 where the clock ends the run
    Model model_;
    std::optional<Pace> pace_;  // of a run that the clock ends
    bool following_ = false;  // what its record says, and where the metrics have it followed beyond the last decision:
    std::optional<RunFolder::MetricsLine> metrics_followed_;
    std::optional<Stepper> stepper_;
    std::unique_ptr<Evaluator> evaluator_;  // of the stage
    std::optional<Saver> saver_;
    std::int64_t batches_ = 0;            // an epoch of the stage
    std::int64_t epoch_ = 0, batch_ = 0;  // position: done
    std::optional<double> best_;
    std::int64_t best_epoch_ = -1, judged_epoch_ = -1;
    std::optional<EvalResult> best_validation_;  // of this session
    std::int64_t saved_epoch_ = 0, saved_step_ = 0;
    double start_ = 0, epoch_start_ = 0, last_save_ = 0, last_pull_ = 0;
    bool said_not_recorded_ = false, said_validation_not_recorded_ = false;
    double train_rate_ = 1, train_seconds_ = 0, validation_seconds_ = 0;
    double saving_seconds_ = 0;  // since the last line of metrics
};

}  // namespace

TrainResult train(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer,
                  const std::atomic<bool>& stop) {
    return train(std::move(config), folder, observer, stop, steady_seconds);
}

TrainResult resume_training(const std::filesystem::path& folder, const ResumeChange& change, TrainObserver& observer,
                            const std::atomic<bool>& stop) {
    return resume_training(folder, change, observer, stop, steady_seconds);
}

TrainResult train(TrainConfig config, const std::filesystem::path& folder, TrainObserver& observer,
                  const std::atomic<bool>& stop, const SecondsClock& clock) {
    return Run(std::move(config), folder, observer, stop, clock).run();
}

TrainResult resume_training(const std::filesystem::path& folder, const ResumeChange& change, TrainObserver& observer,
                            const std::atomic<bool>& stop, const SecondsClock& clock) {
    return Run(folder, change, observer, stop, clock).run();
}

}  // namespace camber
