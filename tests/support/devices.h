#pragma once
#include <string>
#include <vector>

#include "backend/backend.h"

namespace camber::testing {

/// Every device of this build and machine that computes.
inline std::vector<Device> computing_devices() {
    std::vector<Device> found;
    for (const Device device : {Device::reference, Device::cpu, Device::cuda, Device::emulated})
        if (has_backend(device)) found.push_back(device);
    return found;
}

/// For messages: "f32 on cpu".
inline std::string run_name(Dtype dtype, Device device) { return std::string(name(dtype)) + " on " + name(device); }

}  // namespace camber::testing
