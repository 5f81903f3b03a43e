#include "train/loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/number_range.h"
#include "train/class_difference.h"

namespace camber {

void parse_loss(const std::string& text, SegmentationLossParams& loss) {
    std::vector<std::string> known;
    for (const LossTerm& term : loss_terms) {
        loss.*term.weight = 0;
        known.push_back(term.name);
    }
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('+', begin), text.size());
        const std::string part = text.substr(begin, end - begin), named = part.substr(0, part.find(':'));
        const auto term = std::find_if(std::begin(loss_terms), std::end(loss_terms),
                                       [&](const LossTerm& known_term) { return named == known_term.name; });
        if (term == std::end(loss_terms))
            fail_usage("unknown term '{}': {}, joined by +, each with an optional :WEIGHT", named, one_of(known));
        if (loss.*term->weight != 0) fail_usage("'{}' stands twice in '{}'", named, text);
        loss.*term->weight = 1;
        if (named.size() < part.size()) {
            const std::string wrong = read_number(part.substr(named.size() + 1), above(0), loss.*term->weight);
            if (!wrong.empty()) fail_usage("the weight of {} {}", named, wrong);
        }
        begin = end + 1;
    }
}

std::string loss_text(const SegmentationLossParams& loss) {
    std::vector<std::string> parts;
    for (const auto& [name, weight] : loss_terms) {
        if (loss.*weight != 0) parts.push_back(loss.*weight == 1 ? name : fmt::format("{}:{:g}", name, loss.*weight));
    }
    return fmt::format("{}", fmt::join(parts, "+"));
}

bool has_class_weights(const TrainConfig& config) {
    return config.class_weights != ClassWeights::none || !config.class_weight_list.empty();
}

std::vector<float> loss_weights(const TrainConfig& config, const Dataset& train) {
    const std::vector<double>& given = config.class_weight_list;
    if (!given.empty()) {
        if (static_cast<int>(given.size()) != train.classes().count())
            fail_usage("--class-weights has {} numbers, and the data has {}: give one a class, in their order",
                       given.size(), described(train.classes()));
        return {given.begin(), given.end()};
    }
    if (config.class_weights == ClassWeights::none) return {};
    std::vector<float> weights = median_frequency_weights(train);
    if (config.class_weights == ClassWeights::sqrt)
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
    params.ignore_index = model.config.learn_void && void_id < model.classes.count() ? -1 : void_id;
    if (logits.dim(3) > model.classes.count()) params.classes = model.classes.count();  // a padded head
    const Tensor alpha = model.config.focal_class_weights ? model.class_weights : Tensor();
    return ops::segmentation_loss(logits, labels, params, model.class_weights, alpha, extras);
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
