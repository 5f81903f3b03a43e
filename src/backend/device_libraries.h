#pragma once
#include <camber/device.h>

#include <string>
#include <vector>

namespace camber {

/// A line for each library of others that the device uses where it is found: version and file, or why it cannot be
/// used. The device itself need not be there.
std::vector<std::string> device_libraries(Device device);

}  // namespace camber
