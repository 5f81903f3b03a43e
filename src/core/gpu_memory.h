#pragma once
#include <camber/device.h>

namespace camber {

/// The memory of Device::cuda or Device::emulated; null when this build or machine has none. Defined by the registry of
/// backends, which knows what was built.
DeviceMemory* find_gpu_memory(Device device);

}  // namespace camber
