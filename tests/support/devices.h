#pragma once
#include <cstdlib>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace camber::testing {

/// Whether this build and machine have the device and CAMBER_TEST_DEVICES, where it is set, names it: "cuda" for a run
/// on a GPU.
inline bool is_tested(Device device) {
    const char* wanted = std::getenv("CAMBER_TEST_DEVICES");
    return has_backend(device) && (!wanted || std::string(wanted).find(name(device)) != std::string::npos);
}

/// The reference and every device that is tested.
inline std::vector<Device> computing_devices() {
    std::vector<Device> found = {Device::reference};
    for (const Device device : {Device::cpu, Device::cuda, Device::emulated})
        if (is_tested(device)) found.push_back(device);
    return found;
}

/// The tested devices that run the CUDA kernels.
inline std::vector<Device> kernel_devices() {
    std::vector<Device> found;
    for (const Device device : {Device::cuda, Device::emulated})
        if (is_tested(device)) found.push_back(device);
    return found;
}

/// For messages: "f32 on cpu".
inline std::string run_name(Dtype dtype, Device device) { return std::string(name(dtype)) + " on " + name(device); }

}  // namespace camber::testing
