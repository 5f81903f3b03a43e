#pragma once
#include <camber/ops.h>
#include <camber/train.h>

namespace camber {

/// What a loss is a sum of, each with its weight.
struct LossTerm {
    const char* name;
    double SegmentationLossParams::*weight;
};
inline constexpr LossTerm loss_terms[] = {{"cross_entropy", &SegmentationLossParams::cross_entropy},
                                          {"dice", &SegmentationLossParams::dice},
                                          {"jaccard", &SegmentationLossParams::jaccard},
                                          {"focal", &SegmentationLossParams::focal}};
/// Sets the weights of all terms from "cross_entropy", "dice:0.5" or "cross_entropy+dice:0.5". Throws UsageError for a
/// term that there is not, and a weight that is not above 0.
void parse_loss(const std::string& text, SegmentationLossParams& loss);
std::string loss_text(const SegmentationLossParams& loss);

bool has_class_weights(const TrainConfig& config);
/// The class weights as config.class_weights asks for, one a class; empty when unweighted.
std::vector<float> loss_weights(const TrainConfig& config, const Dataset& train);
/// f32 [C] on the device, or undefined for an empty list.
Tensor weights_tensor(const std::vector<float>& weights, Device device);
/// Logits with a channel a class. A network of one channel z tells two classes apart: softmax of (0, z) is 1 -
/// sigmoid(z) and sigmoid(z), so that cross-entropy is the binary one and the second class is predicted above one half.
Tensor class_logits(const Model& model, const Tensor& logits);
/// The run's loss of logits against labels, of a dataset whose void id need not be the one trained with.
ops::SegmentationLoss model_loss(const Model& model, const Tensor& logits, const Tensor& labels, int void_id,
                                 const ops::SegmentationLossExtras& extras = {});
/// The same of everything a training pass gives: auxiliary logits' losses are added with their weights. The confusion
/// matrix of the pass is added to `counts`, [C, C] i32.
Tensor training_loss(const Model& model, const nets::Outputs& outputs, const Tensor& labels, const Tensor& counts);

}  // namespace camber
