#include <camber/autograd.h>
#include <camber/ops.h>
#include <camber/train.h>

#include <chrono>

#include "backend/backend.h"
#include "train/loss.h"

namespace camber {
namespace {

/// The network's logits, f32 [N, height, width, C], for `count` pictures.
Tensor logits_of(Model& model, std::span<const Image* const> images) {
    const TrainConfig& config = model.config;
    const auto count = static_cast<std::int64_t>(images.size());
    const Tensor host = Tensor::empty({count, config.height, config.width, 3}, Dtype::f32, Device::cpu);
    const std::int64_t pixels = std::int64_t{config.height} * config.width;
    for (std::int64_t i = 0; i < count; ++i) {
        prepare_image(*images[static_cast<std::size_t>(i)], config.normalisation, config.height, config.width,
                      host.data<float>() + i * pixels * 3);
    }
    const Tensor x = ops::cast(host.to(model.device()), model.dtype());
    return ops::cast(model.net->forward(x), Dtype::f32);
}

/// Class ids of picture i at another size: logits are interpolated, not ids.
Tensor labels_at(const Tensor& logits, std::int64_t i, int height, int width) {
    const std::int64_t h = logits.dim(1), w = logits.dim(2), c = logits.dim(3);
    Tensor one = logits.slice(i * h * w * c, {1, h, w, c});
    if (h != height || w != width) one = ops::resize(one, height, width, ResizeMode::bilinear);
    return ops::argmax(one);
}

Tensor label_batch(const Dataset& dataset, std::size_t begin, std::size_t count, const TrainConfig& config,
                   Device device) {
    std::vector<std::uint8_t> ids;
    for (std::size_t i = begin; i < begin + count; ++i) {
        const Image label = resize_nearest(dataset.label(i), config.height, config.width);
        ids.insert(ids.end(), label.data.begin(), label.data.end());
    }
    return Tensor::from(ids, {static_cast<std::int64_t>(count), config.height, config.width}, device);
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

double EvalResult::metric(const std::string& name) const {
    if (name == "mean_iou") return confusion.mean_iou();
    if (name == "pixel_accuracy") return confusion.pixel_accuracy();
    if (name == "iou_score") return iou_score;
    if (name == "loss") return loss;
    fail_usage("unknown metric '{}': mean_iou, pixel_accuracy, iou_score or loss", name);
}

EvalResult evaluate(Model& model, const Dataset& dataset, const Progress& progress, const std::atomic<bool>* stop) {
    const EvalScope scope(*model.net);
    const auto start = std::chrono::steady_clock::now();
    const int classes = model.classes.count();
    const Device device = model.device();
    EvalResult result{ConfusionMatrix(classes), 0, 0, 0};
    const Tensor counts = Tensor::zeros({classes, classes}, Dtype::i32, device);
    const auto batch = static_cast<std::size_t>(model.config.batch);
    std::size_t done = 0, batches = 0;
    while (done < dataset.size() && !(stop && *stop)) {
        const std::size_t count = std::min(batch, dataset.size() - done);
        std::vector<const Image*> images;
        for (std::size_t i = 0; i < count; ++i) images.push_back(&dataset.image(done + i));
        const Tensor logits = logits_of(model, images);
        const ops::SegmentationLoss loss =
            model_loss(model, logits, label_batch(dataset, done, count, model.config, device));
        result.loss += loss.loss.item() * static_cast<double>(count);
        result.iou_score += iou_score(loss.stats, classes);
        ++batches;
        for (std::size_t i = 0; i < count; ++i) {
            const Image& truth = dataset.original_label(done + i);
            const Tensor prediction = labels_at(logits, static_cast<std::int64_t>(i), truth.height, truth.width);
            const Tensor truth_ids = Tensor::from(truth.data, {1, truth.height, truth.width}, device);
            backend(device).confusion_matrix(prediction, truth_ids, counts, model.classes.void_id);
        }
        result.confusion.add(counts);
        backend(device).fill(counts, 0);
        done += count;
        if (progress) progress(done, dataset.size());
    }
    if (done > 0) result.loss /= static_cast<double>(done);
    if (batches > 0) result.iou_score /= static_cast<double>(batches);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    result.images_per_second = static_cast<double>(done) / seconds.count();
    return result;
}

Image predict(Model& model, const Image& image) {
    const EvalScope scope(*model.net);
    const Image* one[] = {&image};
    const Tensor ids = labels_at(logits_of(model, one), 0, image.height, image.width);
    Image labels(image.height, image.width, 1);
    labels.data = ids.to_vector<std::uint8_t>();
    return labels;
}

}  // namespace camber
