#pragma once
#include <camber/train.h>

#include <span>
#include <vector>

#include "train/input_size.h"

namespace camber {

/// What the network is given of a picture that is resized to its input: that size times each of model.inference.scales,
/// as multiples of what the network takes.
std::vector<InputSize> input_sizes(const Model& model);

/// The logits [N, height, width, classes] of pictures that are given in one or several sizes, each [N, h, w, C] on any
/// device. Of several, and with model.inference.flip of each and its mirror image, mirrored back, they are those whose
/// softmax is the mean of the probabilities; f32 then, on the model's device.
Tensor augmented_logits(Model& model, std::span<const Tensor> pictures, InputSize size);
/// The same as f32 on the CPU. Throws Error where they are not finite.
Tensor finite_logits(Model& model, std::span<const Tensor> pictures, InputSize size);

}  // namespace camber
