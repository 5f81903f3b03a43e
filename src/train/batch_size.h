#pragma once
#include <camber/train.h>

#include <memory>
#include <string>

#include "core/memory_limit.h"

namespace camber {

/// Has tensors on a run's device take no more than its --memory, for as long as it lives; null where it has no limit.
std::unique_ptr<LimitScope> memory_allowance(const TrainConfig& config);

/// Of what a run learns from, what a memory plan asks for.
struct PlannedData {
    const ClassTable& classes;
    std::int64_t bytes = 0;  ///< of the frames that will be in memory
    int frames = 0;          ///< which no batch exceeds
};

/// Puts the largest batches that the device's memory holds in the place of "auto", of the run and of its stages, and
/// tells of each. Throws Error where a batch of one does not fit.
void choose_batches(TrainConfig& config, const PlannedData& data, const std::function<void(const std::string&)>& say);

/// Throws OutOfMemory, with batch_advice(), for a stage that --memory does not hold.
void check_memory(const TrainConfig& config, const PlannedData& data);

/// What to do about memory that ran out in a run: its plan beside what the device has, and the batch that would fit, or
/// of a `resumed` one, whose batch stays, the memory.
std::string batch_advice(const TrainConfig& config, const PlannedData& data, bool resumed = false);

}  // namespace camber
