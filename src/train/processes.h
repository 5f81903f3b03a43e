#pragma once
#include <camber/train.h>

#include "distributed/communicator.h"
#include "train/plan.h"

namespace camber {

/// Throws UsageError where several processes are to choose what each would choose by its own memory.
void check_choices(const distributed::Communicator& world, const TrainConfig& config);

/// Throws UsageError for a run that several processes cannot share, and Error where they lack what it takes on GPUs.
void check_processes(distributed::Communicator& world, const TrainConfig& config, const RunData& data);

/// Throws Error, on all processes, where one is about to train something else than the first: another build of Camber,
/// other options, another network, other weights or data.
void check_alike(distributed::Communicator& world, const TrainConfig& config, const RunData& data, const Model& model,
                 std::int64_t step);

}  // namespace camber
