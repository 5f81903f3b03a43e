#pragma once
#include <camber/train.h>

namespace camber {

/// The logits f32 or bf16 of pictures [N, H, W, C] on any device, a channel a class (class_logits()), on the model's
/// device: of the network in evaluation. By a program that is made once for the pictures' shape (src/inference), but on
/// the oracle `reference` and in work that is recorded as a whole (RecordedWork).
Tensor network_logits(Model& model, const Tensor& pictures);
/// Gives back the memory of programs, which training wants: its next step makes them stale.
void release_programs(Model& model);
/// For the model's lifetime or until release_programs(), the layers compute, which take less memory; false where they
/// did so already.
bool do_without_programs(Model& model, const std::string& why);

}  // namespace camber
