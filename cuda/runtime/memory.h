#pragma once
#include <camber/device.h>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// Device memory behind a caching allocator. Blocks are handed out and taken back in the order of the compute stream,
/// on which everything that uses them runs, so a block may be reused at once.
DeviceMemory& gpu_memory();

}  // namespace camber::CAMBER_GPU
