#pragma once
#include <cstdlib>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace camber::testing {

/// Every device of this build and machine that computes. With CAMBER_TEST_DEVICES set, of the devices to be compared
/// with the reference only those it names: "cuda" for a run on a GPU.
inline std::vector<Device> computing_devices() {
    const char* wanted = std::getenv("CAMBER_TEST_DEVICES");
    std::vector<Device> found = {Device::reference};
    for (const Device device : {Device::cpu, Device::cuda, Device::emulated})
        if (has_backend(device) && (!wanted || std::string(wanted).find(name(device)) != std::string::npos))
            found.push_back(device);
    return found;
}

/// For messages: "f32 on cpu".
inline std::string run_name(Dtype dtype, Device device) { return std::string(name(dtype)) + " on " + name(device); }

}  // namespace camber::testing
