#include <camber/autograd.h>
#include <camber/checkpoint.h>
#include <camber/ops.h>
#include <camber/train.h>

#include <chrono>
#include <cmath>

#include "backend/backend.h"
#include "train/loss.h"
#include "train/run_folder.h"

namespace camber {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<ParameterRange> optimizer_ranges(const nn::ParameterBuffer& buffer) {
    std::vector<ParameterRange> ranges;
    for (const auto& entry : buffer.parameters()) {
        const bool decayed = entry.tensor().shape().rank() > 1;  // not biases, not batch normalisation
        ranges.push_back({entry.name, entry.begin, entry.tensor().shape(), !entry.trainable() ? 2 : decayed ? 0 : 1});
    }
    return ranges;
}

OptimizerConfig optimizer_config(const TrainConfig& config) {
    // Without clipping the bound is one that never binds: the norm is wanted all the same, to notice a gradient that is
    // not finite before such weights are saved.
    constexpr double no_bound = 1e30;
    OptimizerConfig result{.rule = parse_optimizer(config.optimizer),
                           .max_grad_norm = config.clip > 0 ? config.clip : no_bound,
                           .ema_decay = config.ema};
    if (auto* sgd = std::get_if<Sgd>(&result.rule)) *sgd = {config.momentum, config.nesterov};
    return result;
}

/// Sums over the training batches of an epoch; part of a checkpoint taken within it.
struct EpochSums {
    explicit EpochSums(int classes) : confusion(classes) {}
    ConfusionMatrix confusion;
    double loss = 0;
    std::int64_t batches = 0;

    nlohmann::json json() const { return {{"loss", loss}, {"batches", batches}, {"confusion", confusion.counts()}}; }
    void restore(const nlohmann::json& json) {
        json.at("loss").get_to(loss);
        json.at("batches").get_to(batches);
        confusion.add(json.at("confusion").get<std::vector<std::int64_t>>());
    }
};

/// What one optimizer step needs, without data or files: also used to measure the speed of a step.
class Stepper {
  public:
    Stepper(Model& model, std::int64_t total_steps)
        : model_(model),
          optimizer_(model.parameters->values(), model.parameters->gradients(), optimizer_ranges(*model.parameters),
                     {{"weights", 1, model.config.weight_decay, false},
                      {"biases and norms", 1, 0, false},
                      {"frozen", 1, 0, true}},
                     optimizer_config(model.config)),
          schedule_([&] {
              ScheduleConfig config = model.config.schedule;
              config.total_steps = total_steps;
              return config;
          }()),
          counts_(Tensor::zeros({model.classes.count(), model.classes.count()}, Dtype::i32, model.device())) {}

    Optimizer& optimizer() { return optimizer_; }
    std::int64_t steps() const { return optimizer_.steps(); }
    double lr() const { return model_.config.lr * schedule_.multiplier(optimizer_.steps()); }

    /// Forward and backward for micro-batch number `index` of the run; adds to the epoch's sums.
    /// Returns the loss, having left weights and gradients alone when it is not finite.
    double accumulate(const Batch& batch, std::int64_t index, bool first, EpochSums& sums) {
        nn::ParameterBuffer& parameters = *model_.parameters;
        if (first) parameters.zero_grad();
        model_.net->context().begin(static_cast<std::uint64_t>(index));
        const Device device = model_.device();
        const Tensor labels = batch.labels.to(device);
        const Tensor logits = model_.net->forward(ops::cast(batch.images.to(device), model_.dtype()));
        const Tensor loss = model_loss(model_, logits, labels).loss;
        const double value = loss.item();
        if (!std::isfinite(value)) {
            clear_tape();
            return value;
        }
        backward(loss);
        const NoGrad no_grad;
        backend(device).confusion_matrix(ops::argmax(logits), labels, counts_, model_.classes.void_id);
        sums.confusion.add(counts_);
        backend(device).fill(counts_, 0);
        sums.loss += value;
        ++sums.batches;
        return value;
    }

    /// Returns the gradient's norm.
    double step(int accumulated) {
        model_.parameters->complete_gradients();
        optimizer_.step(lr(), 1.0 / accumulated);
        return optimizer_.grad_norm();
    }

  private:
    Model& model_;
    Optimizer optimizer_;
    Schedule schedule_;
    Tensor counts_;
};

/// Seconds a training batch and an evaluated frame take, measured on a network that is thrown away.
struct Speed {
    double batch = 0, frame = 0;
};

Speed measure_speed(const TrainConfig& config, const Dataset& train, const std::vector<float>& class_weights,
                    const LoaderConfig& loader_config) {
    constexpr int warm = 2, timed = 4;
    Model model = make_model(config, train.classes(), true);
    model.class_weights = weights_tensor(class_weights, model.device());
    Stepper stepper(model, 1000);
    EpochSums sums(model.classes.count());
    Loader loader(train, loader_config);
    Speed speed;
    Clock::time_point start;
    for (int i = 0; i < warm + timed; ++i) {
        if (i == warm) start = Clock::now();
        stepper.accumulate(loader.next(), i, true, sums);
        stepper.step(1);
    }
    backend(model.device()).synchronize();
    speed.batch = seconds_since(start) / timed;
    start = Clock::now();
    predict(model, train.image(0));  // warms up
    start = Clock::now();
    predict(model, train.image(0));
    speed.frame = seconds_since(start);
    return speed;
}

/// One training run, new or resumed.
class Run {
  public:
    Run(TrainConfig config, const std::filesystem::path& folder, bool resume, TrainObserver& observer,
        const std::atomic<bool>& stop)
        : folder_(folder), observer_(observer), stop_(stop) {
        std::optional<CheckpointFile> checkpoint;
        if (resume) {
            checkpoint.emplace(CheckpointFile::open(folder_.last()));
            TrainConfig stored = train_config(checkpoint->info().config);
            stored.data = config.data.empty() ? stored.data : config.data;
            stored.threads = config.threads;
            config = stored;
        }
        EvalResult{ConfusionMatrix(1)}.metric(config.monitor);  // refuses an unknown name now, not after an epoch
        open_data(config);
        config.net_options["classes"] = train_->classes().count();
        if (!resume) plan(config);
        model_ = make_model(config, train_->classes(), true);
        model_.class_weights = weights_tensor(class_weights_, model_.device());
        batches_ = Loader(*train_, loader_config(config)).batches_per_epoch();
        const std::int64_t steps_per_epoch = (batches_ + config.accumulate - 1) / config.accumulate;
        stepper_.emplace(model_, steps_per_epoch * config.epochs);
        sums_.emplace(model_.classes.count());
        if (resume) {
            restore(*checkpoint);
        } else {
            folder_.refuse_existing();
        }
        folder_ready_ = resume;
    }

    TrainResult run() {
        observer_.on_message(description());
        Loader loader(*train_, loader_config(model_.config), epoch_ + batch_ / batches_, batch_ % batches_);
        last_save_ = Clock::now();
        start_ = Clock::now();
        TrainOutcome outcome = TrainOutcome::finished;
        while (epoch_ < model_.config.epochs) {
            if (!train_epoch(loader) || !finish_epoch()) {
                save_last();
                outcome = TrainOutcome::interrupted;
                break;
            }
            if (const std::string why = reason_to_stop(); !why.empty()) {
                observer_.on_message(why);
                outcome = TrainOutcome::stopped_early;
                break;
            }
        }
        const bool has_best = std::filesystem::exists(folder_.best());
        return {outcome, static_cast<int>(epoch_), best_.value_or(0), static_cast<int>(best_epoch_),
                has_best ? folder_.best() : ""};
    }

  private:
    void open_data(const TrainConfig& config) {
        const std::filesystem::path folder = config.data;
        DatasetOptions options;
        train_.emplace(Dataset::open(folder, "train", options));
        const std::vector<std::string> splits = Dataset::splits(folder);
        if (std::find(splits.begin(), splits.end(), "val") != splits.end())
            val_.emplace(Dataset::open(folder, "val", options));
        class_weights_ = loss_weights(config, *train_);
    }

    LoaderConfig loader_config(const TrainConfig& config) const {
        return {.batch_size = config.batch,
                .height = config.height,
                .width = config.width,
                .augment = config.augment,
                .normalisation = config.normalisation,
                .shuffle = true,
                .drop_last = train_->size() >= static_cast<std::size_t>(config.batch),
                .seed = config.seed,
                .threads = config.threads};
    }

    /// Has the network refuse a size it does not take, on a device without memory.
    static void check_size(const TrainConfig& config) {
        const NoGrad no_grad;
        nets::make_net(config.net, config.net_options)
            ->forward(Tensor::empty({1, config.height, config.width, 3}, Dtype::f32, Device::meta));
    }

    /// Sets the number of epochs from the minutes allowed.
    void plan(TrainConfig& config) {
        if (config.epochs < 1) fail_usage("--epochs must be at least 1, not {}", config.epochs);
        if (config.accumulate < 1) fail_usage("--accumulate must be at least 1, not {}", config.accumulate);
        if (!(config.lr >= 0 && std::isfinite(config.lr))) {
            fail_usage("--lr must be a number that is not negative, not {}", config.lr);
        }
        check_size(config);
        if (config.minutes <= 0) return;
        const auto start = Clock::now();
        const Speed speed = measure_speed(config, *train_, class_weights_, loader_config(config));
        const double batches = static_cast<double>(Loader(*train_, loader_config(config)).batches_per_epoch());
        const double epoch_seconds =
            batches * speed.batch + (val_ ? static_cast<double>(val_->size()) * speed.frame : 0);
        config.epochs = std::max(1, static_cast<int>((config.minutes * 60 - seconds_since(start)) / epoch_seconds));
        observer_.on_message(fmt::format("a training batch takes {:.2f} s here: {} epochs fit in {:g} minutes",
                                         speed.batch, config.epochs, config.minutes));
    }

    std::string description() const {
        const TrainConfig& config = model_.config;
        std::string text = fmt::format(
            "{} with {} parameters on {} ({}), {} training and {} validation frames, {}x{}, batch {}, {} epochs",
            config.net, model_.parameters->parameter_count(), config.device, config.dtype, train_->size(),
            val_ ? val_->size() : 0, config.height, config.width, config.batch, config.epochs);
        if (epoch_ + batch_ > 0) text += fmt::format("; resumed at epoch {}, batch {}", epoch_ + 1, batch_);
        return text;
    }

    /// False when interrupted.
    bool train_epoch(Loader& loader) {
        const TrainConfig& config = model_.config;
        model_.net->train();
        epoch_start_ = Clock::now();
        const std::int64_t batches_before = batch_;
        while (batch_ < batches_) {
            const std::int64_t round = std::min<std::int64_t>(config.accumulate, batches_ - batch_);
            for (std::int64_t i = 0; i < round; ++i) {
                const double loss = stepper_->accumulate(loader.next(), epoch_ * batches_ + batch_ + i, i == 0, *sums_);
                if (!std::isfinite(loss)) fail_not_finite("loss", loss, stepper_->steps() + 1);
            }
            const double norm = stepper_->step(static_cast<int>(round));
            if (!std::isfinite(norm)) fail_not_finite("gradient norm", norm, stepper_->steps());
            make_folder();
            batch_ += round;
            train_rate_ = static_cast<double>((batch_ - batches_before) * config.batch) / seconds_since(epoch_start_);
            report_step();
            if (stop_) return false;
            if (batch_ < batches_ && seconds_since(last_save_) > config.checkpoint_minutes * 60) save_last();
        }
        train_seconds_ = seconds_since(epoch_start_);
        return true;
    }

    /// Only once a step has succeeded: a run that cannot start leaves nothing behind.
    void make_folder() {
        if (!folder_ready_) folder_.create(to_json(model_.config));
        folder_ready_ = true;
    }

    void report_step() {
        const TrainConfig& config = model_.config;
        const double batch_seconds = config.batch / train_rate_;
        const double epochs_after = static_cast<double>(config.epochs - epoch_ - 1);
        const double epoch_seconds = static_cast<double>(batches_) * batch_seconds + validation_seconds_;
        const double left =
            static_cast<double>(batches_ - batch_) * batch_seconds + validation_seconds_ + epochs_after * epoch_seconds;
        observer_.on_step({static_cast<int>(epoch_), config.epochs, batch_, batches_,
                           sums_->loss / static_cast<double>(sums_->batches), sums_->confusion.mean_iou(),
                           stepper_->lr(), train_rate_, left});
    }

    [[noreturn]] void fail_not_finite(const char* what, double value, std::int64_t step) const {
        const bool saved = std::filesystem::exists(folder_.last());
        fail("the {} became {} at step {} (epoch {}, learning rate {:.3g}): {}; try a lower --lr or --clip", what,
             value, step, epoch_ + 1, stepper_->lr(),
             saved ? fmt::format("the last good checkpoint is {} (epoch {}, step {})", folder_.last().string(),
                                 saved_epoch_, saved_step_)
                   : std::string("no checkpoint was written yet"));
    }

    /// Validates, records and saves. False when interrupted.
    bool finish_epoch() {
        std::optional<EvalResult> validation;
        const double lr = stepper_->lr();
        bool better = false;
        if (val_) {
            const auto start = Clock::now();
            const EmaScope averaged(stepper_->optimizer());
            model_.parameters->mark_changed();
            validation = evaluate(
                model_, *val_, [&](std::size_t done, std::size_t total) { observer_.on_validation(done, total); },
                &stop_);
            if (stop_) {
                return false;
            }
            validation_seconds_ = seconds_since(start);
            const double metric = validation->metric(model_.config.monitor);
            better = !best_ || (model_.config.monitor == "loss" ? metric < *best_ : metric > *best_);
            if (better) {
                best_ = metric;
                best_epoch_ = epoch_;
                folder_.paint(model_, *val_, model_.config.pictures);
            }
        }
        model_.parameters->mark_changed();
        const EpochReport report{static_cast<int>(epoch_),
                                 model_.config.epochs,
                                 sums_->loss / static_cast<double>(sums_->batches),
                                 sums_->confusion.pixel_accuracy(),
                                 sums_->confusion.mean_iou(),
                                 validation ? &*validation : nullptr,
                                 better,
                                 seconds_since(epoch_start_),
                                 train_rate_};
        folder_.append_metrics(metrics_line(report, lr));
        sums_.emplace(model_.classes.count());
        ++epoch_;
        batch_ = 0;
        if (better) save_checkpoint(folder_.best(), checkpoint(false));
        save_last();
        observer_.on_epoch(report);
        return true;
    }

    nlohmann::json metrics_line(const EpochReport& report, double lr) {
        nlohmann::json line = {{"epoch", report.epoch},
                               {"step", stepper_->steps()},
                               {"lr", lr},
                               {"train",
                                {{"loss", report.train_loss},
                                 {"pixel_accuracy", report.train_accuracy},
                                 {"mean_iou", report.train_mean_iou}}},
                               {"best", report.best},
                               {"seconds", report.seconds},
                               {"images_per_second", report.images_per_second}};
        if (report.validation) {
            line["val"] = metrics_json(report.validation->confusion, model_.classes.names);
            line["val"].erase("confusion");
            line["val"]["loss"] = report.validation->loss;
            line["val"]["iou_score"] = report.validation->iou_score;
        }
        return line;
    }

    std::string reason_to_stop() const {
        const TrainConfig& config = model_.config;
        if (epoch_ >= config.epochs || !val_) return {};
        const bool lower = config.monitor == "loss";
        if (config.stop_at > 0 && best_ && (lower ? *best_ <= config.stop_at : *best_ >= config.stop_at)) {
            return fmt::format("{} reached {:.4f}: stopping, as --stop-at {:g} asks", config.monitor, *best_,
                               config.stop_at);
        }
        if (config.patience > 0 && epoch_ - 1 - best_epoch_ >= config.patience) {
            return fmt::format("no better {} for {} epochs: stopping, as --patience {} asks", config.monitor,
                               epoch_ - 1 - best_epoch_, config.patience);
        }
        // The speed was measured once, on a machine that may have become busier since.
        if (config.minutes > 0 && seconds_since(start_) > config.minutes * 60 * 1.1) {
            return fmt::format("{:g} minutes have passed after {} of {} epochs: stopping", config.minutes, epoch_,
                               config.epochs);
        }
        return {};
    }

    Checkpoint checkpoint(bool with_optimizer) {
        Checkpoint result;
        CheckpointInfo& info = result.info;
        info.config = to_json(model_.config);
        info.epoch = epoch_;
        info.batch = batch_;
        info.step = stepper_->steps();
        info.seed = model_.config.seed;
        info.counters = {{"forward", static_cast<std::uint64_t>(epoch_ * batches_ + batch_)}};
        info.best_metric_name = model_.config.monitor;
        info.best_metric = best_;
        info.best_epoch = best_epoch_;
        info.extra = {{"classes", nlohmann::json::parse(class_table_json(model_.classes))},
                      {"class_weights", class_weights_},
                      {"sums", sums_->json()}};
        result.add("model.", model_.tensors());
        for (const NamedTensor& tensor : stepper_->optimizer().state()) {
            if (with_optimizer || tensor.name.starts_with("ema.")) result.tensors.push_back(tensor);
        }
        return result;
    }

    void save_last() {
        save_checkpoint(folder_.last(), checkpoint(true));
        last_save_ = Clock::now();
        saved_epoch_ = epoch_ + 1;
        saved_step_ = stepper_->steps();
    }

    void restore(const CheckpointFile& checkpoint) {
        const CheckpointInfo& info = checkpoint.info();
        checkpoint.load("model.", model_.tensors());
        checkpoint.load("", stepper_->optimizer().state());
        model_.parameters->mark_changed();
        epoch_ = info.epoch;
        batch_ = info.batch;
        saved_epoch_ = epoch_ + 1;
        saved_step_ = info.step;
        best_ = info.best_metric;
        best_epoch_ = info.best_epoch;
        sums_->restore(info.extra.at("sums"));
        folder_.rewind_metrics(epoch_);
    }

    RunFolder folder_;
    TrainObserver& observer_;
    const std::atomic<bool>& stop_;
    bool folder_ready_ = false;
    std::optional<Dataset> train_, val_;
    std::vector<float> class_weights_;
    Model model_;
    std::optional<Stepper> stepper_;
    std::optional<EpochSums> sums_;
    std::int64_t batches_ = 0;            // an epoch
    std::int64_t epoch_ = 0, batch_ = 0;  // position: done
    std::optional<double> best_;
    std::int64_t best_epoch_ = -1;
    std::int64_t saved_epoch_ = 0, saved_step_ = 0;
    Clock::time_point start_, epoch_start_, last_save_;
    double train_rate_ = 1, train_seconds_ = 0, validation_seconds_ = 0;
};

}  // namespace

TrainResult train(TrainConfig config, const std::filesystem::path& folder, bool resume, TrainObserver& observer,
                  const std::atomic<bool>& stop) {
    return Run(std::move(config), folder, resume, observer, stop).run();
}

}  // namespace camber
