#include "train/evaluator.h"

#include <camber/autograd.h>
#include <camber/ops.h>

#include <chrono>
#include <cmath>
#include <cstring>

#include "backend/backend.h"
#include "backend/cpu/predicted_labels.h"
#include "train/finite.h"
#include "train/flip.h"
#include "train/loss.h"

namespace camber {
namespace {

/// Batches that a device is given before the host waits for it: it never runs dry, and an interrupt is noticed soon.
constexpr std::size_t batches_in_flight = 4;

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

/// Evaluation for its lifetime.
class EvalScope {
  public:
    explicit EvalScope(nn::Module& net) : net_(net), was_training_(net.training()) { net_.eval(); }
    ~EvalScope() { net_.train(was_training_); }
    EvalScope(const EvalScope&) = delete;
    EvalScope& operator=(const EvalScope&) = delete;

  private:
    nn::Module& net_;
    bool was_training_;
    NoGrad no_grad_;
};

}  // namespace

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
                     std::vector<std::size_t> watched)
    : model_(model),
      dataset_(dataset),
      // Frames that fill up a batch would count in a mean over its images.
      resident_(model.config.loss.per_image || model.flip ? nullptr : resident),
      watched_(std::move(watched)),
      kept_(watched_.size()),
      batch_(std::min(static_cast<std::size_t>(model.config.batch), dataset.size())),
      counts_(Tensor::zeros({model.classes.count(), model.classes.count()}, Dtype::i32, model.device())) {
    const TrainConfig& config = model.config;
    for (std::size_t i = 0; i < dataset.size(); ++i) {
        const Extent map = dataset.original_extent(i);
        if (std::max({map.height, map.width, config.height, config.width}) > most_pixels)
            fail("{}: a network of {}x{} is not judged at {}x{}, at most {} pixels a side", dataset.name(i),
                 config.height, config.width, map.height, map.width, most_pixels);
    }
    if (resident_) {
        set_up_tables();
        return;
    }
    LoaderConfig loader;
    loader.batch_size = static_cast<int>(batch_);
    loader.height = config.height;
    loader.width = config.width;
    loader.augment.enabled = false;
    loader.normalisation = config.normalisation;
    loader.threads = config.threads;
    loader_ = std::make_unique<Loader>(dataset, loader);
}

void Evaluator::set_up_tables() {
    const TrainConfig& config = model_.config;
    const Device device = model_.device();
    const auto n = static_cast<std::int64_t>(batch_), count = static_cast<std::int64_t>(batches());
    const std::int64_t row = n * (sample_bytes + map_bytes);
    std::vector<std::uint8_t> table(static_cast<std::size_t>(count * row));
    for (std::int64_t i = 0; i < count * n; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const std::size_t item = std::min(at, dataset_.size() - 1);
        const Extent extent = dataset_.extent(item);
        AugmentSample sample =
            resident_->sample(item, plain_resize(extent.height, extent.width, config.height, config.width),
                              config.normalisation, config.height, config.width);
        LabelMap map = resident_->label_map(item);
        if (at != item) {
            sample.label_offset = -1;
            map = {};
        }
        std::uint8_t* const to = table.data() + i / n * row;
        std::memcpy(to + i % n * sample_bytes, &sample, sizeof sample);
        std::memcpy(to + n * sample_bytes + i % n * map_bytes, &map, sizeof map);
    }
    table_ = bytes_of(table, device);
    row_ = Tensor::empty({row}, Dtype::u8, device);
    images_ = Tensor::empty({n, config.height, config.width, dataset_.channels()}, model_.dtype(), device);
    labels_ = Tensor::empty({n, config.height, config.width}, Dtype::u8, device);
    losses_ = Tensor::empty({count}, Dtype::f32, device);
    all_stats_ = Tensor::empty({count, std::int64_t{model_.classes.count()} * 3 + 2}, Dtype::f64, device);
}

EvalResult Evaluator::run(const Progress& progress, const std::atomic<bool>* stop) {
    const EvalScope scope(*model_.net);
    const auto start = std::chrono::steady_clock::now();
    const int void_id = dataset_.classes().void_id;
    EvalResult result{ConfusionMatrix(model_.classes.count(), void_id < model_.classes.count() ? void_id : -1), 0, 0,
                      0};
    backend(model_.device()).fill(counts_, 0);
    const std::size_t done = resident_ ? run_on_device(result, progress, stop) : run_from_host(result, progress, stop);
    if (done > 0) {
        result.loss /= static_cast<double>(done);
        const std::size_t judged = (done + batch_ - 1) / batch_;  // batches
        result.iou_score /= static_cast<double>(judged);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    result.images_per_second = static_cast<double>(done) / seconds.count();
    return result;
}

std::size_t Evaluator::run_from_host(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop) {
    const Device device = model_.device();
    std::vector<std::uint8_t> source, maps;
    std::size_t done = 0;
    while (done < dataset_.size() && !(stop && *stop)) {
        const Batch& batch = loader_->next();
        const std::size_t count = batch.indices.size();
        source.clear();
        maps.resize(count * sizeof(LabelMap));
        for (std::size_t i = 0; i < count; ++i) {
            const Image& truth = batch.samples[i]->original_label();
            const LabelMap map = {truth.height, truth.width, static_cast<std::int64_t>(source.size())};
            std::memcpy(maps.data() + i * sizeof map, &map, sizeof map);
            source.insert(source.end(), truth.data.begin(), truth.data.end());
        }
        judge(ops::cast(batch.images.to(device), model_.dtype()), batch.labels.to(device), bytes_of(source, device),
              bytes_of(maps, device));
        keep_predictions(done, count);
        result.loss += loss_.item() * static_cast<double>(count);
        result.iou_score += iou_score(stats_, model_.classes.count());
        result.confusion.add(counts_);
        backend(device).fill(counts_, 0);
        done += count;
        if (progress) progress(done, dataset_.size());
    }
    if (done < dataset_.size()) loader_->seek(0, 0);
    return done;
}

std::size_t Evaluator::run_on_device(EvalResult& result, const Progress& progress, const std::atomic<bool>* stop) {
    Backend& device = backend(model_.device());
    const std::int64_t n = images_.dim(0), samples = n * sample_bytes, stats = all_stats_.dim(1);
    const auto work = [&] {
        device.augment(resident_->pictures(), row_.slice(0, {samples}), dataset_.classes().void_id, images_, labels_);
        judge(images_, labels_, resident_->pictures(), row_.slice(samples, {n * map_bytes}));
    };
    std::size_t done = 0;
    std::int64_t queued = 0;
    while (done < dataset_.size() && !(stop && *stop)) {
        const std::size_t count = std::min(batch_, dataset_.size() - done);
        row_.copy_from(table_.slice(queued * row_.numel(), row_.shape()));
        recorded_.run(device, work, why_not_recorded_);
        losses_.slice(queued, {1}).copy_from(loss_);
        all_stats_.slice(queued * stats, {stats}).copy_from(stats_);
        keep_predictions(done, count);
        done += count;
        if (++queued % batches_in_flight != 0 && done < dataset_.size()) continue;
        device.synchronize();
        if (progress) progress(done, dataset_.size());
    }
    const std::vector<float> losses = losses_.to_vector<float>();
    const std::vector<double> sums = all_stats_.to_vector<double>();
    for (std::size_t b = 0; b < static_cast<std::size_t>(queued); ++b) {
        const std::size_t count = std::min(batch_, dataset_.size() - b * batch_),
                          size = static_cast<std::size_t>(stats);
        result.loss += static_cast<double>(losses[b]) * static_cast<double>(count);
        result.iou_score += iou_score(std::span(sums).subspan(b * size, size), model_.classes.count());
    }
    result.confusion.add(counts_);
    return done;
}

/// The same work whatever the sizes of the label maps, so that it can be recorded.
void Evaluator::judge(const Tensor& images, const Tensor& labels, const Tensor& source, const Tensor& maps) {
    logits_ = model_.flip ? flipped_logits(model_, images) : class_logits(model_, model_.net->forward(images));
    const ops::SegmentationLoss loss = model_loss(model_, logits_, labels, dataset_.classes().void_id);
    loss_ = loss.loss;
    stats_ = loss.stats;
    backend(logits_).count_predictions(logits_, source, maps, counts_, dataset_.classes().void_id);
}

void Evaluator::keep_predictions(std::size_t begin, std::size_t count) {
    for (std::size_t k = 0; k < watched_.size(); ++k) {
        if (watched_[k] < begin || watched_[k] >= begin + count) continue;
        const Shape one{1, logits_.dim(1), logits_.dim(2), logits_.dim(3)};
        if (!kept_[k]) kept_[k] = Tensor::empty(one, logits_.dtype(), logits_.device());
        kept_[k].copy_from(logits_.slice(static_cast<std::int64_t>(watched_[k] - begin) * one.numel(), one));
    }
}

Image Evaluator::prediction(std::size_t i) const {
    const Extent truth = dataset_.original_extent(watched_[i]);
    return labels_at(kept_[i], truth.height, truth.width);
}

EvalResult evaluate(Model& model, const Dataset& dataset, const Progress& progress, const std::atomic<bool>* stop) {
    refuse_unlabelled(dataset);
    std::int64_t room = most_resident_bytes;
    const auto resident = ResidentDataset::make(dataset, model.device(), room);
    EvalResult result = Evaluator(model, dataset, resident.get()).run(progress, stop);
    if (!std::isfinite(result.loss))
        fail("the network's output for {} ({}) is not finite", dataset.folder().string(), dataset.split());
    return result;
}

Image predict(Model& model, const Image& image) {
    const EvalScope scope(*model.net);
    const TrainConfig& config = model.config;
    const int channels = picture_channels(*model.net);
    const Tensor host = Tensor::empty({1, config.height, config.width, channels}, Dtype::f32, Device::cpu);
    prepare_image(with_channels(image, channels), config.normalisation, config.height, config.width,
                  host.data<float>());
    if (model.flip) return labels_at(flipped_logits(model, host), image.height, image.width);
    const Tensor logits = model.net->forward(ops::cast(host.to(model.device()), model.dtype()));
    return labels_at(class_logits(model, logits), image.height, image.width);
}

}  // namespace camber
