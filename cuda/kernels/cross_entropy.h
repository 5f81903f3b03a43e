#pragma once
#include <camber/tensor.h>
#include <camber/types.h>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// Whether Backend::segmentation_loss() is cross-entropy and nothing else.
bool is_cross_entropy_alone(const SegmentationLossParams& p, const Tensor& stats);

/// The two primitives in that case. `counts` (may be undefined) fits PixelCounts.
void cross_entropy(const Tensor& logits, const Tensor& labels, const Tensor& class_weights, const Tensor& loss,
                   const Tensor& stats, const Tensor& counts, const SegmentationLossParams& p);
void cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                            const Tensor& stats, const Tensor& grad_loss, const Tensor& dlogits,
                            const SegmentationLossParams& p);

}  // namespace camber::CAMBER_GPU
