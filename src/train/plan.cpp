#include "train/plan.h"

#include <camber/autograd.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/sample_order.h"
#include "io/text_file.h"
#include "train/batch_size.h"
#include "train/class_difference.h"
#include "train/loss.h"
#include "train/pretrained.h"

namespace camber {

namespace {

DatasetOptions train_data_options(const TrainConfig& config) {
    bool whole = false;
    DatasetOptions options;
    options.channels = picture_channels(*nets::make_net(config.net, config.net_options));
    if (config.cache_memory > 0) options.cache_bytes = std::int64_t{config.cache_memory} * 1'000'000;
    // A frame of which augmentation enlarges a part stays so large that the part has all its pixels.
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        const TrainConfig stage = stage_config(config, i);
        const AugmentConfig& augment = stage.augment;
        const float scale = augment.enabled ? std::max(1.0f, augment.scale_max) : 1.0f;
        const int base = augment.enabled ? augment.base_size : 0;
        const auto enlarged = [&](int size) { return static_cast<int>(std::ceil(static_cast<float>(size) * scale)); };
        options.least_height = std::max(options.least_height, enlarged(base > 0 ? base : stage.height));
        options.least_width = std::max(options.least_width, enlarged(base > 0 ? base : stage.width));
        // What takes single pixels of the frame takes them of the frame as it is.
        whole = whole || augment.interpolation != Interpolation::antialias;
    }
    if (whole) options.least_height = options.least_width = 0;
    return options;
}

/// As they are, so that a run's metrics are those of `eval`.
DatasetOptions val_data_options(const TrainConfig& config) {
    DatasetOptions options = train_data_options(config);
    options.least_height = options.least_width = 0;
    return options;
}

/// Of memory that does not hold the training frames, the splits get as much as they have frames: each frame is wanted
/// once an epoch.
std::int64_t val_share(std::size_t train, std::size_t val, std::int64_t bytes) {
    return static_cast<std::int64_t>(static_cast<double>(bytes) * static_cast<double>(val) /
                                     static_cast<double>(train + val));
}

}  // namespace

RunData::RunData(const TrainConfig& config, TrainObserver& observer)
    : RunData(DataFolder::open(config.data, config.source), config, observer) {}

RunData::RunData(DataFolder folder, const TrainConfig& config, TrainObserver& observer)
    : folder_(std::move(folder)), train_(folder_.dataset("train", train_data_options(config))) {
    observer.on_message(fmt::format("{} is of the layout {}: {}", config.data, folder_.layout(), folder_.why()));
    for (const std::string& note : folder_.notes()) observer.on_message(note);
    DatasetOptions val = val_data_options(config);
    most_cached_ = val.cache_bytes;
    if (folder_.has("val")) {
        if (train_.bytes() <= val.cache_bytes) {
            val.cache_bytes -= train_.bytes();
        } else {
            const std::int64_t all = val.cache_bytes;
            val.cache_bytes = val_share(train_.size(), folder_.samples("val").size(), all);
            train_.limit_cache(all - val.cache_bytes);
        }
        val_.emplace(folder_.dataset("val", val));
    }
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        const AugmentConfig augment = stage_config(config, i).augment;
        equalised_ = equalised_ || (augment.enabled && augment.clahe > 0);
    }
    refuse_unlabelled(train_);
    if (val_) refuse_unlabelled(*val_);
    if (const std::vector<std::string> absent = absent_classes(train_); !absent.empty()) {
        observer.on_message(fmt::format("no pixel of the training split is labelled {}: {} cannot be learnt",
                                        fmt::join(absent, ", "), absent.size() == 1 ? "it" : "they"));
    }
    if (config.learn_void && !train_.classes().void_is_class())
        observer.on_message("--learn-void has no effect: void is none of the data's classes");
    if (!val_ && (config.stop_at > 0 || config.patience > 0))
        observer.on_message("--stop-at and --patience have no effect: the data has no validation split");
    class_weights_ = loss_weights(config, train_);
}

const ResidentDataset* RunData::resident(Resident& resident, const Dataset& dataset, Device device, bool equalised) {
    if (!resident) resident = ResidentDataset::make(dataset, device, room_, equalised);
    return resident->get();
}

std::int64_t RunData::bytes(Device device) const {
    const std::int64_t all = train_.bytes() + (val_ ? val_->bytes() : 0);
    return is_host(device) ? std::min(all, most_cached_) : all;
}

PlannedData RunData::planned(Device device) const {
    return {train_.classes(), bytes(device), static_cast<int>(train_.size())};
}

LoaderConfig RunData::loader_config(const TrainConfig& config) const {
    return {.batch_size = config.batch,
            .height = config.height,
            .width = config.width,
            .augment = config.augment,
            .normalisation = config.normalisation,
            .shuffle = true,
            .drop_last = train_.size() >= static_cast<std::size_t>(config.batch),
            .max_batches = config.epoch_batches,
            .seed = config.seed,
            .threads = config.threads};
}

std::int64_t RunData::batches_per_epoch(const TrainConfig& config) const {
    const LoaderConfig loader = loader_config(config);
    check_loader_config(train_, loader);
    return SampleOrder(train_.size(), loader).batches_per_epoch();
}

std::int64_t RunData::steps_per_epoch(const TrainConfig& config) const {
    return (batches_per_epoch(config) + config.accumulate - 1) / config.accumulate;
}

Model RunData::make_model(const TrainConfig& config, bool pretrained) const {
    Model model = camber::make_model(config, train_.classes(), true, pretrained);
    model.class_weights = weights_tensor(class_weights_, model.device());
    return model;
}

int epochs_a_step(const TrainConfig& config) {
    return config.lr_step_size > 0 ? config.lr_step_size : (config.epochs + 2) / 3;
}

void set_classes(TrainConfig& config, const RunData& data) {
    const ClassTable& classes = data.train().classes();
    const bool without_void = classes.void_is_class() && !config.learn_void;
    if (classes.count() - (without_void ? 1 : 0) == 1)
        fail(
            "{}: its label maps ({}, ...) have one class alone, {}: a network tells two or more apart; paint the "
            "others, or name them in classes.csv{}",
            data.train().folder().string(), data.train().name(0),
            classes.name_of(without_void && classes.void_id == 0 ? 1 : 0),
            without_void ? fmt::format("; {} is void, which --learn-void has learnt as a class",
                                       classes.name_of(classes.void_id))
                         : "");
    if (const auto asked = config.net_options.find("classes"); asked != config.net_options.end()) {
        if (*asked == 1 && classes.count() == 2) return;
        if (*asked == 1) {
            fail_usage(
                "a network of one channel tells two classes apart, but the data has {}: --net-option "
                "classes={} gives it a channel for each",
                described(classes), classes.count());
        }
        if (*asked != classes.count()) {
            fail_usage(
                "--net-option classes={}: the data says how many classes the network has, {}; --classes TABLE "
                "makes others of them",
                shown(*asked), described(classes));
        }
    }
    config.net_options["classes"] = classes.count();
}

void check_size(const TrainConfig& config) {
    // On a device without memory.
    const NoGrad no_grad;
    const auto net = nets::make_net(config.net, config.net_options);
    net->forward(Tensor::empty({1, config.height, config.width, net->in_channels()}, Dtype::f32, Device::meta));
    if (config.val_height == 0) return;
    net->forward(Tensor::empty({1, config.val_height, config.val_width, net->in_channels()}, Dtype::f32, Device::meta));
}

void check_warmup(const TrainConfig& config, const RunData& data) {
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        const TrainConfig stage = stage_config(config, i);
        const ScheduleConfig& schedule = stage.schedule;
        if (schedule.kind == ScheduleKind::constant || schedule.kind == ScheduleKind::step) continue;
        if (stage.minutes > 0) continue;
        const std::int64_t steps = data.steps_per_epoch(stage) * stage.epochs;
        if (schedule.warmup_steps < steps) continue;
        fail_usage("--warmup {} leaves nothing of the {} steps ({} epoch{}) to --schedule {}: give fewer than {}",
                   schedule.warmup_steps, steps, stage.epochs, stage.epochs == 1 ? "" : "s", name(schedule.kind),
                   steps);
    }
}

namespace {

void check_stage(const TrainConfig& config) {
    refuse_classifier(*nets::make_net(config.net, config.net_options));
    const std::vector<double>& weights = config.class_weight_list;
    if (!weights.empty() && std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; }))
        fail_usage("--class-weights are all 0: one at least must be above");
    if (config.focal_class_weights && (!has_class_weights(config) || config.loss.focal == 0)) {
        fail_usage("--focal-class-weights weights the term 'focal' of --loss by --class-weights: give both");
    }
    if (config.schedule.max_momentum > 0 && config.schedule.kind == ScheduleKind::one_cycle &&
        config.optimizer == OptimizerKind::sgd && config.momentum == 0)
        fail_usage("--cycle-momentum moves SGD's momentum, of which --momentum 0 leaves none");
    Schedule::of_share(config.schedule);  // refuses what is out of range
    if ((config.val_height > 0) != (config.val_width > 0)) fail_usage("val_height and val_width want one another");
    check_augmentation(config.augment);
    check_size(config);
}

}  // namespace

void check_run(const TrainConfig& config) {
    check_config(config);
    if (!config.weights.empty() && !config.encoder_weights.empty())
        fail_usage("--weights fills the whole network, --encoder-weights its encoder: give one of them");
    if (config.minutes > 0 && !config.stages.empty())
        fail_usage("--minutes cannot plan a run of several stages: give --epochs, which holds in each");
    for (std::size_t i = 0; i < stage_count(config); ++i) check_stage(stage_config(config, i));
}

void plan_run(TrainConfig& config, const RunData& data, TrainObserver& observer) {
    set_classes(config, data);
    config.normalisation = input_normalisation(nets::make_net(config.net, config.net_options)->preprocessing());
    check_run(config);
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        if (!stage_config(config, i).freeze_encoder || !config.encoder_weights.empty() || !config.weights.empty())
            continue;
        fail_usage(
            "the encoder would be frozen at random weights: give --encoder-weights FILE, or --weights FILE "
            "(data/get_weights.sh fetches published ones)");
    }
    resolve_device(config);
    const PlannedData planned = data.planned(*config.device);
    choose_batches(config, planned, [&](const std::string& line) { observer.on_message(line); });
    check_memory(config, planned);
    // A number, so that it stays as it is when the run goes on with more epochs.
    if (config.minutes == 0 && config.stages.empty() && config.schedule.kind == ScheduleKind::step)
        config.lr_step_size = epochs_a_step(config);
}

}  // namespace camber
