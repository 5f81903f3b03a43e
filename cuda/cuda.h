#pragma once
#include <string>

#include "backend/backend.h"

/// The doors of this folder: the device 'cuda' on an NVIDIA GPU and 'emulated', the same kernels on the host.
namespace camber {

namespace cuda {
/// Null where this machine has no usable GPU; `why` then says so in one line.
Backend* find_backend(std::string* why = nullptr);
DeviceMemory* find_memory();
}  // namespace cuda

namespace emulated {
Backend* find_backend(std::string* why = nullptr);
DeviceMemory* find_memory();
}  // namespace emulated

}  // namespace camber
