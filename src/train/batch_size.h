#pragma once
#include <camber/train.h>

#include <memory>
#include <string>

#include "core/memory_limit.h"

namespace camber {

/// Has tensors on a run's device take no more than its --memory, for as long as it lives; null where it has no limit.
std::unique_ptr<LimitScope> memory_allowance(const TrainConfig& config);

/// Puts the largest batches that the device's memory holds in the place of "auto", of the run and of its stages, and
/// tells of each. `data_bytes`: of the frames that will be in memory. `most`: frames that there are. Throws Error where
/// a batch of one does not fit.
void choose_batches(TrainConfig& config, const ClassTable& classes, std::int64_t data_bytes, int most,
                    const std::function<void(const std::string&)>& say);

/// Throws OutOfMemory, with batch_advice(), for a stage that --memory does not hold.
void check_memory(const TrainConfig& config, const ClassTable& classes, std::int64_t data_bytes);

/// What to do about memory that ran out in a run: its plan beside what the device has, and the batch that would fit, or
/// of a `resumed` one, whose batch stays, the memory.
std::string batch_advice(const TrainConfig& config, const ClassTable& classes, std::int64_t data_bytes,
                         bool resumed = false);

}  // namespace camber
