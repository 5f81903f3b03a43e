#include "train/loss.h"

#include <cmath>

namespace camber {

std::vector<float> loss_weights(const TrainConfig& config, const Dataset& train) {
    if (config.class_weights == "none") return {};
    std::vector<float> weights = median_frequency_weights(train);
    if (config.class_weights == "median") return weights;
    if (config.class_weights != "sqrt")
        fail_usage("unknown class weights '{}': none, median or sqrt", config.class_weights);
    for (float& weight : weights) weight = std::sqrt(weight);
    return weights;
}

Tensor weights_tensor(const std::vector<float>& weights, Device device) {
    return weights.empty() ? Tensor() : Tensor::from(weights, {static_cast<std::int64_t>(weights.size())}, device);
}

Tensor class_logits(const Model& model, const Tensor& logits) {
    if (model.net->classes() != 1) return logits;
    return ops::concat({Tensor::zeros(logits.shape(), logits.dtype(), logits.device()), logits});
}

ops::SegmentationLoss model_loss(const Model& model, const Tensor& logits, const Tensor& labels, int void_id,
                                 const ops::SegmentationLossExtras& extras) {
    SegmentationLossParams params = model.config.loss;
    params.ignore_index = void_id;
    if (logits.dim(3) > model.classes.count()) params.classes = model.classes.count();  // a padded head
    return ops::segmentation_loss(logits, labels, params, model.class_weights, {}, extras);
}

Tensor training_loss(const Model& model, const nets::Outputs& outputs, const Tensor& labels, const Tensor& counts) {
    const int void_id = model.classes.void_id;
    Tensor loss =
        model_loss(model, class_logits(model, outputs.logits), labels, void_id, {.class_sums = false, .counts = counts})
            .loss;
    for (const auto& [logits, weight] : outputs.auxiliary) {
        const Tensor part = model_loss(model, class_logits(model, logits), labels, void_id, {.class_sums = false}).loss;
        loss = ops::add(loss, ops::scale(part, weight));
    }
    return loss;
}

}  // namespace camber
