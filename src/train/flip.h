#pragma once
#include <camber/train.h>

namespace camber {

/// Of pictures [N, H, W, C] on any device, the logits [N, H, W, classes] whose softmax is the mean of the probabilities
/// that the network gives each picture and its mirror image, mirrored back; f32, on the model's device.
Tensor flipped_logits(Model& model, const Tensor& images);

}  // namespace camber
