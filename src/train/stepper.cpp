#include "train/stepper.h"

#include <camber/autograd.h>
#include <camber/ops.h>

#include <algorithm>
#include <cmath>

#include "train/loss.h"
#include "train/pace.h"
#include "train/parameter_groups.h"

namespace camber {
namespace {

OptimizerRule optimizer_rule(const TrainConfig& config) {
    if (config.optimizer == OptimizerKind::sgd) return Sgd{config.momentum, config.nesterov};
    if (config.optimizer == OptimizerKind::adam) return Adam{.beta2 = config.beta2};
    return AdamW{.beta2 = config.beta2};
}

OptimizerConfig optimizer_config(const TrainConfig& config) {
    // Without clipping the bound is one that never binds: the norm is wanted all the same, to notice a gradient that is
    // not finite before such weights are saved.
    constexpr double no_bound = 1e30;
    return {.rule = optimizer_rule(config),
            .max_grad_norm = config.clip > 0 ? config.clip : no_bound,
            .ema_decay = config.ema};
}

ScheduleConfig schedule_config(const TrainConfig& config, std::int64_t total_steps) {
    ScheduleConfig schedule = config.schedule;
    schedule.total_steps = total_steps;
    return schedule;
}

}  // namespace

EpochSums EpochSums::from_json(const nlohmann::json& json, int classes) {
    EpochSums sums(classes);
    json.at("loss").get_to(sums.loss);
    json.at("batches").get_to(sums.batches);
    sums.confusion.add(json.at("confusion").get<std::vector<std::int64_t>>());
    return sums;
}

Stepper::Rate Stepper::scheduled(const TrainConfig& config, std::int64_t total_steps) {
    return [lr = config.lr, schedule = Schedule(schedule_config(config, total_steps))](std::int64_t step) {
        return Numbers{lr * schedule.multiplier(step), schedule.has_momentum() ? schedule.momentum(step) : 0};
    };
}

Stepper::Rate Stepper::scheduled(const TrainConfig& config, const Pace& pace) {
    return [lr = config.lr, schedule = Schedule::of_share(config.schedule), &pace](std::int64_t step) {
        const double warm = pace.progress(std::min(step, schedule.config().warmup_steps)),
                     progress = pace.progress(step);
        const double share = warm < 1 ? (progress - warm) / (1 - warm) : 1;
        return Numbers{lr * schedule.multiplier(step, share),
                       schedule.has_momentum() ? schedule.momentum(step, share) : 0};
    };
}

Stepper::Stepper(Model& model, Rate rate) : Stepper(model, std::move(rate), parameter_groups(model), nullptr) {}

Stepper::Stepper(Model& model, Rate rate, distributed::Communicator& world)
    : Stepper(model, std::move(rate), parameter_groups(model), &world) {}

Stepper::Stepper(Model& model, Rate rate, ParameterGroups groups, distributed::Communicator* world)
    : model_(model),
      optimizer_(model.parameters->values(), model.parameters->gradients(), std::move(groups.ranges),
                 std::move(groups.groups), optimizer_config(model.config)),
      rate_(std::move(rate)),
      sums_(model.classes.count()),
      counts_(Tensor::zeros({model.classes.count(), model.classes.count()}, Dtype::i32, model.device())),
      deferred_(!is_host(model.device())) {
    if (world && !world->alone()) {
        sharing_ = std::make_unique<Sharing>(*world, *model.parameters);
        sharing_->batch.normalises_alone = model.config.local_batch_norm;
    }
    if (!deferred_) return;
    const TrainConfig& config = model.config;
    std::int64_t images = config.batch;
    if (sharing_) {
        sharing_->counts = Tensor::zeros(counts_.shape(), Dtype::i32, model.device());
        images = BatchPart(config.batch, world->rank(), world->size()).images;
    }
    buffers_.images =
        Tensor::empty({images, config.height, config.width, model.net->in_channels()}, model.dtype(), model.device());
    buffers_.labels = Tensor::empty({images, config.height, config.width}, Dtype::u8, model.device());
    step_ = Tensor::zeros({1}, Dtype::i32, model.device());
    loss_sum_ = Tensor::zeros({1}, Dtype::f32, model.device());
    model.net->context().device_step = step_;
}

void Stepper::micro_batch(const Batch& batch, std::int64_t index, std::int64_t position, std::int64_t count) {
    model_.net->context().begin(static_cast<std::uint64_t>(index));
    const bool first = position == 0, last = position == count - 1;
    if (deferred_) {
        on_gpu(batch, first, last, 1.0 / static_cast<double>(count));
    } else {
        on_host(batch, first, last, 1.0 / static_cast<double>(count));
    }
    if (last) gradient_scale_ = 1.0 / static_cast<double>(count);
}

void Stepper::on_host(const Batch& batch, bool first, bool last, double scale) {
    nn::ParameterBuffer& parameters = *model_.parameters;
    if (first) parameters.zero_grad();
    const BatchShareScope share(share_of(batch));
    const Device device = model_.device();
    const nets::Outputs outputs = model_.net->forward_all(ops::cast(batch.images.to(device), model_.dtype()));
    const Tensor loss = training_loss(model_, outputs, batch.labels.to(device), counts_);
    const double value = loss.item();
    if (!std::isfinite(value)) {
        clear_tape();
        throw NotFinite("loss", value, steps() + 1);
    }
    if (sharing_ && last) {
        sharing_->reducer.backward(loss);
    } else {
        backward(loss);
    }
    add_counts();
    sums_.loss += value;
    ++sums_.batches;
    if (!last) return;
    parameters.complete_gradients();
    optimizer_.step(take_rate(), scale);
    check_norm();
}

const BatchShare* Stepper::share_of(const Batch& batch) {
    if (!sharing_) return nullptr;
    sharing_->batch.first = batch.first;
    sharing_->batch.images = batch.whole;
    return &sharing_->batch;
}

void Stepper::add_counts() {
    if (sharing_) {
        const std::vector<std::int32_t> own = counts_.to_vector<std::int32_t>();
        std::vector<double> all(own.begin(), own.end());
        sharing_->world.sum(all);
        sums_.confusion.add(std::vector<std::int64_t>(all.begin(), all.end()));
    } else {
        sums_.confusion.add(counts_);
    }
    backend(model_.device()).fill(counts_, 0);
}

void Stepper::on_gpu(const Batch& batch, bool first, bool last, double scale) {
    // The last batch of an epoch may not be.
    const bool whole = (sharing_ ? batch.whole : batch.images.dim(0)) == model_.config.batch;
    const Tensor images = buffers_.images.slice(0, batch.images.shape());
    const Tensor labels = buffers_.labels.slice(0, batch.labels.shape());
    if (batch.images.raw() != images.raw()) {
        if (batch.images.dtype() == images.dtype()) {
            images.copy_from(batch.images);
        } else {
            backend(images).cast(batch.images.to(model_.device()), images);
        }
        labels.copy_from(batch.labels);
    }
    const auto step = static_cast<std::int32_t>(model_.net->context().step);
    device_memory(model_.device()).copy_from_host(step_.raw(), &step, sizeof step);
    if (last) optimizer_.prepare_step(take_rate(), scale);

    const BatchShareScope share(share_of(batch));
    const auto work = [&] {
        forward_and_backward(images, labels, first, last);
        if (!last) return;
        model_.parameters->complete_gradients();
        optimizer_.launch_step();
    };
    if (whole) {
        std::function<bool(bool)> any;
        if (sharing_) any = [this](bool holds) { return sharing_->world.any(holds); };
        recorded_[first][last].run(backend(images), work, why_not_recorded_, any);
    } else {
        work();
    }
    ++batches_;
}

void Stepper::forward_and_backward(const Tensor& images, const Tensor& labels, bool first, bool last) {
    Backend& device = backend(images);
    model_.net->context().draws = 0;
    if (first) model_.parameters->zero_grad();
    const nets::Outputs outputs = model_.net->forward_all(images);
    const Tensor loss = training_loss(model_, outputs, labels, sharing_ ? sharing_->counts : counts_);
    device.add(loss_sum_, loss.detach().view({1}), loss_sum_);
    if (!sharing_ || !last) return backward(loss);
    DeviceSums& sums = sharing_->world.on(model_.device());
    sums.start_sum(sharing_->counts, counts_, false);
    sharing_->reducer.backward(loss);
    sums.join();
}

void Stepper::pull() {
    if (!deferred_) return;
    sums_.loss = loss_sum_.item();
    sums_.confusion = ConfusionMatrix(model_.classes.count());
    sums_.confusion.add(counts_);
    sums_.batches = batches_;
    if (!std::isfinite(sums_.loss)) throw NotFinite("loss", sums_.loss, steps());
    check_norm();
}

double Stepper::take_rate() {
    const Numbers numbers = rate_(steps());
    if (numbers.momentum > 0) optimizer_.set_momentum(numbers.momentum);
    return numbers.lr;
}

void Stepper::check_norm() const {
    const double norm = optimizer_.grad_norm();
    if (!std::isfinite(norm)) throw NotFinite("gradient norm", norm, steps());
}

void Stepper::start_epoch() { restore(EpochSums(model_.classes.count())); }

void Stepper::restore(const EpochSums& sums) {
    sums_ = sums;
    batches_ = sums.batches;
    if (!deferred_) return;
    const std::vector<std::int64_t>& counts = sums.confusion.counts();
    counts_.copy_from(
        Tensor::from(std::vector<std::int32_t>(counts.begin(), counts.end()), counts_.shape(), Device::cpu));
    if (sharing_) {  // the first process's, to be summed once
        if (sharing_->world.first())
            sharing_->counts.copy_from(counts_);
        else
            backend(counts_).fill(sharing_->counts, 0);
    }
    loss_sum_.copy_from(Tensor::from(std::vector<float>{static_cast<float>(sums.loss)}, {1}, Device::cpu));
}

}  // namespace camber
