#pragma once
#include <fmt/format.h>

#include <string>

#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

/// What the kernels need: bf16 matrix instructions and asynchronous copies.
inline constexpr int oldest_compute_major = 8;

/// Empty when the kernels run on such a device, else one line that says why not.
inline std::string why_unsupported(const DeviceProperties& device) {
    if (device.compute_major >= oldest_compute_major) return {};
    return fmt::format("{} has compute capability {}.{}; {}.0 (Ampere) or newer is needed", device.name,
                       device.compute_major, device.compute_minor, oldest_compute_major);
}

}  // namespace camber::CAMBER_GPU
