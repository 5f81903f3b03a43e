#pragma once
#include <camber/dtype.h>
#include <fmt/format.h>

#include <string>

#include "cuda/runtime/runtime.h"

/// What of a GPU decides whether, and in which dtypes, Camber runs on it.
namespace camber::CAMBER_GPU {

/// Volta: threads of a warp that are scheduled apart, which the kernels' warp operations are written for.
inline constexpr int oldest_compute_major = 7;

/// Empty when the kernels run on such a device, else one line that says why not.
inline std::string why_unsupported(const DeviceProperties& device) {
    if (device.compute_major >= oldest_compute_major) return {};
    return fmt::format("{} has compute capability {}.{}; {}.0 (Volta) or newer is needed", device.name,
                       device.compute_major, device.compute_minor, oldest_compute_major);
}

/// Ampere: matrix instructions and conversions of bf16. What else is newer (asynchronous copies) the kernels do without
/// on older devices.
inline bool computes_bf16(const DeviceProperties& device) { return device.compute_major >= 8; }

/// Empty when the device computes in `dtype`, else one line that says why not.
inline std::string why_not_in(const DeviceProperties& device, Dtype dtype) {
    if (dtype != Dtype::bf16 || computes_bf16(device)) return {};
    return fmt::format("{} has compute capability {}.{} and no bf16, which begins with 8.0: use f32 (--dtype f32)",
                       device.name, device.compute_major, device.compute_minor);
}

/// One line for a device that none of the kernels was compiled for; `architectures` are CMake's.
inline std::string why_no_code(const DeviceProperties& device, const std::string& architectures) {
    return fmt::format(
        "{} has compute capability {}.{}, and the kernels of this build are for {}: build with "
        "-DCMAKE_CUDA_ARCHITECTURES={}{}",
        device.name, device.compute_major, device.compute_minor, architectures, device.compute_major,
        device.compute_minor);
}

}  // namespace camber::CAMBER_GPU
