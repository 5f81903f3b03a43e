#pragma once
#include <map>

#include "backend/profiler.h"
#include "step/training_step.h"

namespace camber::bench {

/// What a step moves, a primitive at a time (src/backend/traffic.h), and how often it launches each kernel.
struct StepCounts {
    Profile profile;  ///< times in it mean nothing
    std::map<std::string, std::int64_t> launches;

    std::int64_t bytes() const;
    std::int64_t launched() const;
};

/// Of a step on a GPU with Camber's own convolutions, whatever `size.device`: counted on the emulated device, which
/// computes nothing meanwhile, so that no GPU is needed and any size will do. Throws Error where the build has no
/// emulated device.
StepCounts count_step(StepSize size);

void print(const StepCounts& counts);

}  // namespace camber::bench
