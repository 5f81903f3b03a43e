#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/backend.h"
#include "ops/check.h"

namespace camber::ops {

SegmentationLoss segmentation_loss(const Tensor& logits, const Tensor& labels, const SegmentationLossParams& p,
                                   const Tensor& class_weights, const Tensor& focal_alpha,
                                   const SegmentationLossExtras& extras) {
    constexpr const char* op = "segmentation_loss";
    check_activation(op, logits);
    const std::int64_t n = logits.dim(0), classes = p.classes > 0 ? p.classes : logits.dim(3);
    if (classes > logits.dim(3)) fail("{}: {} classes of logits {}", op, classes, logits.shape().str());
    if (classes > 256) fail("{}: {} classes do not fit u8 labels", op, classes);
    check_tensor(op, "the labels", labels, {n, logits.dim(1), logits.dim(2)}, Dtype::u8, logits.device());
    if (class_weights) check_parameter(op, "class_weights", class_weights, {classes}, logits);
    if (focal_alpha) check_parameter(op, "focal_alpha", focal_alpha, {classes}, logits);
    if (p.label_smoothing < 0 || p.label_smoothing > 1)
        fail("{}: label smoothing must be in [0, 1], not {}", op, p.label_smoothing);
    Tensor loss = Tensor::empty({}, parameter_dtype(logits.dtype()), logits.device());
    if (extras.counts) check_tensor(op, "counts", extras.counts, {classes, classes}, Dtype::i32, logits.device());
    const bool class_sums = extras.class_sums || p.dice != 0 || p.jaccard != 0;
    const std::int64_t groups = !class_sums ? 0 : p.per_image ? n : 1;
    const Tensor stats = Tensor::empty({groups * classes * 3 + 2}, Dtype::f64, logits.device());
    backend(logits).segmentation_loss(logits, labels, class_weights, focal_alpha, loss, stats, extras.counts, p);
    if (needs_grad({&logits})) {
        record(loss, {logits},
               [logits = logits.detach(), labels, class_weights, focal_alpha, stats, p](BackwardContext& context) {
                   backend(logits).segmentation_loss_backward(logits, labels, class_weights, focal_alpha, stats,
                                                              context.grad(), context.out(0), p);
               });
    }
    return {loss, stats};
}

}  // namespace camber::ops
