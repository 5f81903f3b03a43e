#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/device_sums.h"
#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// Backend::join: by NCCL, on the stream of sums. This thread's waits for the device are watched from then on. Throws
/// Error where there is no NCCL, where two processes have the same device, and where NCCL fails.
std::unique_ptr<DeviceSums> process_sums(const Meeting& meeting);

/// Which of several processes have the same device, whose identities are in their order; empty: none.
std::string shared_device(const std::vector<std::string>& identities);

}  // namespace camber::CAMBER_GPU
