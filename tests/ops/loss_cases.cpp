#include "ops/operation_case.h"
#include "support/compare.h"

namespace camber::testing {

std::vector<OperationCase> loss_cases() {
    struct Loss {
        const char* name;
        SegmentationLossParams params;
        bool class_weights = false, focal_alpha = false;
    };
    const std::vector<Loss> losses = {
        {"cross-entropy", {.cross_entropy = 1}},
        {"cross-entropy, void ignored", {.cross_entropy = 1, .ignore_index = 255}},
        {"cross-entropy, weighted", {.cross_entropy = 1, .ignore_index = 255}, true},
        {"cross-entropy, smoothed", {.cross_entropy = 1, .label_smoothing = 0.1}},
        {"cross-entropy, weighted and smoothed",
         {.cross_entropy = 1, .ignore_index = 255, .label_smoothing = 0.2},
         true},
        {"Dice", {.dice = 1, .ignore_index = 255}},
        {"Dice, per image, smooth 1", {.dice = 1, .ignore_index = 255, .smooth = 1, .per_image = true}},
        {"Jaccard", {.jaccard = 1, .ignore_index = 255}},
        {"Jaccard, per image", {.jaccard = 1, .ignore_index = 255, .per_image = true}},
        {"focal", {.focal = 1, .ignore_index = 255}},
        {"focal, gamma 0.5, alpha", {.focal = 1, .ignore_index = 255, .focal_gamma = 0.5}, false, true},
        {"focal, gamma 0", {.focal = 1, .focal_gamma = 0}},
        {"all terms",
         {.cross_entropy = 0.5,
          .dice = 2,
          .jaccard = 0.7,
          .focal = 1.5,
          .ignore_index = 255,
          .label_smoothing = 0.1,
          .per_image = true},
         true,
         true},
    };
    std::vector<OperationCase> cases;
    for (const Loss& loss : losses) {
        for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 2, 3, 17}, Shape{1, 1, 1, 3}, Shape{3, 1, 2, 1}}) {
            const std::int64_t classes = shape.back();
            const Tensor labels =
                random_labels({shape[0], shape[1], shape[2]}, static_cast<int>(classes), 2, loss.params.ignore_index);
            cases.push_back({.name = std::string("segmentation_loss ") + loss.name + " " + shape.str(),
                             .inputs = {uniform(shape, 1, -3, 3)},
                             .activations = 1,
                             .apply = [=](const std::vector<Tensor>& in) {
                                 const auto per_class = [&](bool wanted, std::uint64_t seed) {
                                     return wanted ? converted(uniform({classes}, seed, 0.2f, 2),
                                                               parameter_dtype(in[0].dtype()), in[0].device())
                                                   : Tensor();
                                 };
                                 const auto result = ops::segmentation_loss(
                                     in[0], labels.to(in[0].device()), loss.params, per_class(loss.class_weights, 3),
                                     per_class(loss.focal_alpha, 4));
                                 // A mean over pixels has small gradients: enlarged, an error in them counts in full.
                                 return ops::scale(result.loss, static_cast<double>(labels.numel()));
                             }});
        }
    }
    return cases;
}

}  // namespace camber::testing
