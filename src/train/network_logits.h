#pragma once
#include <camber/train.h>

namespace camber {

/// The logits f32 or bf16 of pictures [N, H, W, C] on any device, a channel a class (class_logits()), on the model's
/// device: of the network in evaluation. On the CPU by a program that is made once for the pictures' shape
/// (src/inference).
Tensor network_logits(Model& model, const Tensor& pictures);
/// Gives back the memory of programs, which training wants: its next step makes them stale.
void release_programs(Model& model);

}  // namespace camber
