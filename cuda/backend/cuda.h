#pragma once
#include <string>
#include <vector>

#include "backend/backend.h"

/// The doors of cuda/: the device 'cuda' on an NVIDIA GPU and 'emulated', the same kernels on the host.
namespace camber {

namespace cuda {
/// Null where this machine has no usable GPU; `why` then says so in one line.
Backend* find_backend(std::string* why = nullptr);
DeviceMemory* find_memory();
/// A line for each of NVIDIA's libraries: version and file, or why it cannot be used. Asks no GPU.
std::vector<std::string> describe_libraries();
}  // namespace cuda

namespace emulated {
Backend* find_backend(std::string* why = nullptr);
DeviceMemory* find_memory();
}  // namespace emulated

}  // namespace camber
