#pragma once
#include <camber/train.h>

#include <cstdint>

namespace camber {

/// Bytes of the tensors that a network needs, by steps on Device::meta, where nothing is computed; on the CPU its
/// convolutions' scratch is counted too.
struct MemoryPlan {
    std::int64_t weights = 0;    ///< parameters, running statistics and, where kernels read one, the copy in bf16
    std::int64_t training = 0;   ///< most at a time in an optimizer step: weights, gradients, moments, activations
    std::int64_t inference = 0;  ///< most at a time in an evaluation's forward pass, weights included
    std::int64_t run = 0;        ///< training and, on the CPU, loaders' batches
    std::int64_t held = 0;       ///< that, with the gaps that an allocator leaves between tensors
    std::int64_t code = 0;       ///< of what a library compiles for training, about
};

/// Of the run that `config` describes (a batch of at least 1), on its device: a GPU keeps other copies than the CPU.
MemoryPlan plan_memory(const TrainConfig& config, const ClassTable& classes);

}  // namespace camber
