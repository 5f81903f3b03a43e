#pragma once
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

}  // namespace camber::testing
