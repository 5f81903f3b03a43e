#pragma once
#include <camber/device.h>

namespace camber {

/// Host memory behind a caching allocator; shared by Device::reference and Device::cpu.
DeviceMemory& host_memory();

}  // namespace camber
