#include "train/evaluator.h"

#include <camber/autograd.h>
#include <camber/ops.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/backend.h"
#include "backend/cpu/predicted_labels.h"
#include "train/augmented_logits.h"
#include "train/eval_scope.h"
#include "train/finite.h"
#include "train/input_size.h"
#include "train/loss.h"
#include "train/network_logits.h"
#include "train/own_size_evaluation.h"

namespace camber {
namespace {

/// Batches that a device is given before the host waits for it: it never runs dry, and an interrupt is noticed soon.
constexpr std::size_t batches_in_flight = 4;

/// Of the frames' counts that a device holds before the host reads them: all of them but for splits of very many frames
/// or classes.
constexpr std::int64_t most_count_bytes = std::int64_t{64} << 20;

/// Above this, positions in Backend::count_predictions overflow.
constexpr int most_pixels = (1 << 15) - 1;

constexpr auto sample_bytes = static_cast<std::int64_t>(sizeof(AugmentSample)),
               map_bytes = static_cast<std::int64_t>(sizeof(LabelMap));

/// Class ids at another size of logits [1, H, W, C]: those are interpolated, not ids. On the host, for every device:
/// one answer, and nothing of classes x picture in memory.
Image labels_at(const Tensor& logits, int height, int width) {
    const Tensor host = logits.to(Device::cpu);
    refuse_non_finite(host, "the network's output");
    Image labels(height, width, 1);
    cpu::predicted_labels(host, 0, labels.height, labels.width, labels.data.data());
    return labels;
}

Tensor bytes_of(const std::vector<std::uint8_t>& bytes, Device device) {
    return Tensor::from(bytes, {static_cast<std::int64_t>(bytes.size())}, device);
}

}  // namespace

int unjudged(const TrainConfig& config, int void_id) { return config.learn_void && config.judge_void ? -1 : void_id; }

double EvalResult::metric(Metric metric) const {
    switch (metric) {
        case Metric::mean_iou:
            return confusion.mean_iou();
        case Metric::pixel_accuracy:
            return confusion.pixel_accuracy();
        case Metric::iou_score:
            return iou_score;
        case Metric::loss:
            return loss;
    }
    return 0;
}

Evaluator::Evaluator(Model& model, const Dataset& dataset, const ResidentDataset* resident,
                     distributed::Communicator* world)
    : model_(model),
      dataset_(dataset),
      // Frames that fill up a batch would count in a mean over its images.
      resident_(model.config.loss.per_image || model.inference.flip || model.inference.scaled() ? nullptr : resident),
      batch_(std::min(static_cast<std::size_t>(model.config.batch), dataset.size())),
      world_(world && !world->alone() ? world : nullptr),
      begin_(world_ ? first_batch_of(world_->rank()) : 0),
      end_(world_ ? first_batch_of(world_->rank() + 1) : batches()),
      counts_(Tensor::zeros({static_cast<std::int64_t>(batch_), model.classes.count(), model.classes.count()},
                            Dtype::i32, model.device())) {
    const TrainConfig& config = model.config;
    const InputSize size = input_size(config);
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const Extent map = dataset.original_extent(i);
        if (std::max({map.height, map.width, size.height, size.width}) > most_pixels)
            fail("{}: a network of {}x{} is not judged at {}x{}, at most {} pixels a side", dataset.name(i),
                 size.height, size.width, map.height, map.width, most_pixels);
    }
    if (resident_) {
        set_up_tables();
        return;
    }
    LoaderConfig loader;
    loader.batch_size = static_cast<int>(batch_);
    loader.height = size.height;
    loader.width = size.width;
    loader.augment = {.enabled = false, .interpolation = config.augment.interpolation};
    loader.normalisation = config.normalisation;
    loader.threads = config.threads;
    const auto at = static_cast<std::int64_t>(begin_ % batches());
    loader_ = std::make_unique<Loader>(dataset, loader, 0, at);
    for (const InputSize& scaled : input_sizes(model)) {
        std::tie(loader.height, loader.width) = std::pair(scaled.height, scaled.width);
        const bool is_it = scaled.height == size.height && scaled.width == size.width;
        scaled_loaders_.push_back(is_it ? nullptr : std::make_unique<Loader>(dataset, loader, 0, at));
    }
}

/// The first rank, whose progress is shown, has as many as any.
std::size_t Evaluator::first_batch_of(int rank) const {
    const auto ranks = static_cast<std::size_t>(world_->size());
    return (batches() * static_cast<std::size_t>(rank) + ranks - 1) / ranks;
}

void Evaluator::set_up_tables() {
    const TrainConfig& config = model_.config;
    const Device device = model_.device();
    const auto n = static_cast<std::int64_t>(batch_), count = static_cast<std::int64_t>(batches());
    const InputSize size = input_size(config);
    std::vector<std::size_t> frames(dataset_.size());
    std::iota(frames.begin(), frames.end(), std::size_t{0});
    std::vector<std::uint8_t> table;
    for (std::size_t begin = 0; begin < frames.size(); begin += batch_) {
        const std::vector<std::uint8_t> row =
            table_row(std::span(frames).subspan(begin, std::min(batch_, frames.size() - begin)));
        table.insert(table.end(), row.begin(), row.end());
    }
    table_ = bytes_of(table, device);
    row_ = Tensor::empty({n * (sample_bytes + map_bytes)}, Dtype::u8, device);
    images_ = Tensor::empty({n, size.height, size.width, dataset_.channels()}, model_.dtype(), device);
    labels_ = Tensor::empty({n, size.height, size.width}, Dtype::u8, device);
    losses_ = Tensor::empty({count}, Dtype::f32, device);
    all_stats_ = Tensor::empty({count, std::int64_t{model_.classes.count()} * 3 + 2}, Dtype::f64, device);
    const std::int64_t room = most_count_bytes / static_cast<std::int64_t>(counts_.bytes());
    all_counts_ = Tensor::empty({std::clamp<std::int64_t>(room, 1, count) * n, counts_.dim(1), counts_.dim(2)},
                                Dtype::i32, device);
}

std::vector<std::uint8_t> Evaluator::table_row(std::span<const std::size_t> frames) {
    const TrainConfig& config = model_.config;
    const InputSize size = input_size(config);
    std::vector<std::uint8_t> row(batch_ * static_cast<std::size_t>(sample_bytes + map_bytes));
    std::uint8_t *sample_at = row.data(), *map_at = row.data() + batch_ * static_cast<std::size_t>(sample_bytes);
    for (std::size_t i = 0; i < batch_; ++i, sample_at += sample_bytes, map_at += map_bytes) {
        const std::size_t item = frames[std::min(i, frames.size() - 1)];
        const Extent extent = dataset_.extent(item);
        AugmentSample sample = resident_->sample(
            item, plain_resize(extent.height, extent.width, size.height, size.width, config.augment.interpolation),
            config.normalisation, size.height, size.width);
        needs_.add(sample);
        LabelMap map = resident_->label_map(item);
        if (i >= frames.size()) {
            sample.label_offset = -1;
            map = {};
        }
        std::memcpy(sample_at, &sample, sizeof sample);
        std::memcpy(map_at, &map, sizeof map);
    }
    return row;
}

EvalResult Evaluator::run(const Progress& progress, const std::atomic<bool>* stop) {
    const EvalScope scope(*model_.net);
    const auto start = std::chrono::steady_clock::now();
    const int void_id = unjudged(model_.config, dataset_.classes().void_id);
    EvalResult result{ConfusionMatrix(model_.classes.count(), void_id < model_.classes.count() ? void_id : -1), 0, 0,
                      0};
    const std::size_t done = resident_ ? run_on_device(result, progress, stop) : run_from_host(result, progress, stop);
    if (done > 0) {
        result.loss /= static_cast<double>(done);
        const std::size_t judged = (done + batch_ - 1) / batch_;  // batches
        result.iou_score /= static_cast<double>(judged);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    result.images_per_second = static_cast<double>(done) / seconds.count();
    if (scope.was_training()) release_programs(model_);
    return result;
}

std::size_t Evaluator::run_from_host(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop) {
    const Device device = model_.device();
    std::vector<std::uint8_t> source, maps;
    std::vector<double> losses(batches()), scores(batches());
    std::size_t done = 0, next = begin_;
    const std::size_t all = std::min(end_ * batch_, dataset_.size()) - std::min(begin_ * batch_, dataset_.size());
    for (; next < end_ && !(stop && *stop); ++next) {
        const Batch& batch = loader_->next();
        std::vector<Tensor> images;
        for (const auto& loader : scaled_loaders_)
            images.push_back(ops::cast((loader ? loader->next() : batch).images.to(device), model_.dtype()));
        const std::size_t count = batch.indices.size();
        source.clear();
        maps.resize(count * sizeof(LabelMap));
        for (std::size_t i = 0; i < count; ++i) {
            const Image& truth = batch.samples[i]->original_label();
            const LabelMap map = {truth.height, truth.width, static_cast<std::int64_t>(source.size())};
            std::memcpy(maps.data() + i * sizeof map, &map, sizeof map);
            source.insert(source.end(), truth.data.begin(), truth.data.end());
        }
        const auto judge_batch = [&] {
            logits_ = {};  // of the batch before
            judge(images, batch.labels.to(device), bytes_of(source, device), bytes_of(maps, device));
        };
        try {
            judge_batch();
        } catch (const OutOfMemory& error) {
            if (!do_without_programs(model_, error.what())) throw;
            judge_batch();
        }
        losses[next] = loss_.item();
        scores[next] = iou_score(stats_, model_.classes.count());
        add_frames(result, counts_, count);
        done += count;
        if (progress) progress(done, all);
    }
    logits_ = {};  // what follows, a training step, has the memory
    if (next - begin_ < batches()) {
        const auto at = static_cast<std::int64_t>(begin_ % batches());
        loader_->seek(0, at);
        for (const auto& loader : scaled_loaders_)
            if (loader) loader->seek(0, at);
    }
    return put_together(result, losses, scores, done, stop);
}

std::size_t Evaluator::put_together(EvalResult& result, std::vector<double>& losses, std::vector<double>& scores,
                                    std::size_t done, const std::atomic<bool>* stop) const {
    if (world_ && !world_->any(stop && *stop)) {
        exchange(result, losses, scores);
        done = dataset_.size();
    }
    for (std::size_t b = 0; b < batches(); ++b) {  // zeros where nobody judged
        result.loss += losses[b] * static_cast<double>(frames_of(b));
        result.iou_score += scores[b];
    }
    return done;
}

/// In sums of which all ranks but one have zeros: no order of summation changes a bit.
void Evaluator::exchange(EvalResult& result, std::vector<double>& losses, std::vector<double>& scores) const {
    std::vector<double> frames(2 * dataset_.size());
    for (std::size_t i = 0; i < result.frames.size(); ++i) {
        const std::size_t at = 2 * (begin_ * batch_ + i);
        frames[at] = result.frames[i].pixel_accuracy;
        frames[at + 1] = result.frames[i].mean_iou;
    }
    std::vector<double> counts(result.confusion.counts().begin(), result.confusion.counts().end());
    for (std::vector<double>* values : {&losses, &scores, &frames, &counts}) world_->sum(*values);
    result.confusion = result.confusion.like();
    result.confusion.add(std::vector<std::int64_t>(counts.begin(), counts.end()));
    result.frames.clear();
    for (std::size_t i = 0; i < frames.size(); i += 2) result.frames.push_back({frames[i], frames[i + 1]});
}

std::size_t Evaluator::run_on_device(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop) {
    Backend& device = backend(model_.device());
    const std::int64_t stats = all_stats_.dim(1), room = all_counts_.numel() / counts_.numel();
    const std::size_t all = std::min(end_ * batch_, dataset_.size()) - std::min(begin_ * batch_, dataset_.size());
    std::size_t done = 0, counted = 0;  // frames; whose counts the host has
    std::int64_t queued = 0;
    while (done < all && !(stop && *stop)) {
        row_.copy_from(table_.slice((static_cast<std::int64_t>(begin_) + queued) * row_.numel(), row_.shape()));
        run_recorded();
        losses_.slice(queued, {1}).copy_from(loss_);
        all_stats_.slice(queued * stats, {stats}).copy_from(stats_);
        all_counts_.slice(queued % room * counts_.numel(), counts_.shape()).copy_from(counts_);
        done += std::min(batch_, all - done);
        ++queued;
        if (queued % room == 0 && done < all) {
            add_frames(result, all_counts_, done - counted);
            counted = done;
        }
        if (queued % batches_in_flight != 0 && done < all) continue;
        device.synchronize();
        if (progress) progress(done, all);
    }
    const std::vector<float> own_losses = losses_.to_vector<float>();
    const std::vector<double> sums = all_stats_.to_vector<double>();
    std::vector<double> losses(batches()), scores(batches());
    for (std::size_t b = 0; b < static_cast<std::size_t>(queued); ++b) {
        const auto size = static_cast<std::size_t>(stats);
        losses[begin_ + b] = static_cast<double>(own_losses[b]);
        scores[begin_ + b] = iou_score(std::span(sums).subspan(b * size, size), model_.classes.count());
    }
    add_frames(result, all_counts_, done - counted);
    return put_together(result, losses, scores, done, stop);
}

void Evaluator::run_recorded() {
    Backend& device = backend(model_.device());
    const std::int64_t n = images_.dim(0), samples = n * sample_bytes;
    const auto work = [&] {
        device.augment(resident_->pictures(), row_.slice(0, {samples}), needs_, dataset_.classes().void_id, images_,
                       labels_);
        judge({&images_, 1}, labels_, resident_->pictures(), row_.slice(samples, {n * map_bytes}));
    };
    recorded_.run(device, work, why_not_recorded_);
}

/// The same work whatever the sizes of the label maps, so that it can be recorded.
void Evaluator::judge(std::span<const Tensor> images, const Tensor& labels, const Tensor& source, const Tensor& maps) {
    logits_ = augmented_logits(model_, images, input_size(model_.config));
    const ops::SegmentationLoss loss = model_loss(model_, logits_, labels, dataset_.classes().void_id);
    loss_ = loss.loss;
    stats_ = loss.stats;
    backend(logits_).fill(counts_, 0);
    backend(logits_).count_predictions(logits_, source, maps, counts_,
                                       unjudged(model_.config, dataset_.classes().void_id));
}

void Evaluator::add_frames(EvalResult& result, const Tensor& counts, std::size_t count) const {
    const std::vector<std::int32_t> values = counts.to_vector<std::int32_t>();
    const auto cells = static_cast<std::size_t>(counts.dim(1) * counts.dim(2));
    std::vector<std::int64_t> wide(cells);
    for (std::size_t i = 0; i < count; ++i) {
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * cells), cells, wide.begin());
        ConfusionMatrix frame = result.confusion.like();
        frame.add(wide);
        result.confusion.add(wide);
        result.frames.push_back({frame.pixel_accuracy(), frame.mean_iou()});
    }
}

std::vector<Image> Evaluator::predictions(const std::vector<std::size_t>& frames) {
    const EvalScope scope(*model_.net);
    std::vector<Image> maps;
    for (std::size_t begin = 0; begin < frames.size(); begin += batch_) {
        const auto batch = std::span(frames).subspan(begin, std::min(batch_, frames.size() - begin));
        const Tensor logits = logits_of(batch);
        const Shape one{1, logits.dim(1), logits.dim(2), logits.dim(3)};
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const Extent truth = dataset_.original_extent(batch[i]);
            maps.push_back(
                labels_at(logits.slice(static_cast<std::int64_t>(i) * one.numel(), one), truth.height, truth.width));
        }
    }
    if (scope.was_training()) release_programs(model_);
    return maps;
}

/// On a device in batches of the one size, for which everything is planned and recorded.
Tensor Evaluator::logits_of(std::span<const std::size_t> frames) {
    if (resident_) {
        row_.copy_from(bytes_of(table_row(frames), model_.device()));
        run_recorded();
        return logits_;
    }
    const TrainConfig& config = model_.config;
    std::vector<Tensor> pictures;
    for (const auto& [height, width] : input_sizes(model_)) {
        const Tensor host = Tensor::empty(
            {static_cast<std::int64_t>(frames.size()), height, width, dataset_.channels()}, Dtype::f32, Device::cpu);
        const auto size = static_cast<std::ptrdiff_t>(host.numel() / host.dim(0));
        for (std::size_t i = 0; i < frames.size(); ++i)
            prepare_image(dataset_.sample(frames[i])->image, config.normalisation, height, width,
                          host.data<float>() + static_cast<std::ptrdiff_t>(i) * size, config.augment.interpolation);
        pictures.push_back(host);
    }
    return augmented_logits(model_, pictures, input_size(config));
}

EvalResult evaluate(Model& model, const Dataset& dataset, const Progress& progress, const std::atomic<bool>* stop) {
    refuse_unlabelled(dataset);
    if (!model.inference.resizes()) return evaluate_at_own_size(model, dataset, progress, stop);
    std::int64_t room = most_resident_bytes;
    const auto resident = ResidentDataset::make(dataset, model.device(), room);
    EvalResult result = Evaluator(model, dataset, resident.get()).run(progress, stop);
    if (!std::isfinite(result.loss))
        fail("the network's output for {} ({}) is not finite", dataset.folder().string(), dataset.split());
    return result;
}

std::vector<Image> predict(Model& model, const Dataset& dataset, const std::vector<std::size_t>& frames) {
    if (model.inference.resizes()) return Evaluator(model, dataset).predictions(frames);
    std::vector<Image> maps;
    for (const std::size_t frame : frames) {
        const Extent truth = dataset.original_extent(frame);
        maps.push_back(resize_nearest(predict(model, dataset.sample(frame)->image), truth.height, truth.width));
    }
    return maps;
}

}  // namespace camber
