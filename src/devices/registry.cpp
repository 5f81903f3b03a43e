#include "backend/backend.h"
#include "backend/cpu/cpu.h"
#include "backend/device_libraries.h"
#include "backend/meta/meta.h"
#include "backend/profiler.h"
#include "backend/reference/reference.h"
#include "core/gpu_memory.h"
#include "cuda/backend/cuda.h"
#include "devices/openmp.h"
#include "devices/processor.h"

namespace camber {
namespace {

/// Null when this build or machine has no such device; `why` then says so in one line.
Backend* find_backend(Device device, std::string* why = nullptr) {
    switch (device) {
        case Device::meta:
            return &meta_backend();
        case Device::reference:
            return &reference_backend();
        case Device::cpu:
            if (const char* const set = processor_lacks()) {
                if (why) *why = fmt::format("this build needs a processor with {}; build Camber on this machine", set);
                return nullptr;
            }
            wait_passively();
            return &cpu_backend();
        case Device::cuda:
#if defined(CAMBER_WITH_CUDA)
            return cuda::find_backend(why);
#else
            if (why) *why = "built without CUDA";
            return nullptr;
#endif
        case Device::emulated:
#if defined(CAMBER_WITH_EMULATOR)
            return emulated::find_backend(why);
#else
            if (why) *why = "built without the emulator";
            return nullptr;
#endif
    }
    return nullptr;
}

}  // namespace

DeviceMemory* find_gpu_memory(Device device) {
#if defined(CAMBER_WITH_CUDA)
    if (device == Device::cuda) return cuda::find_memory();
#endif
#if defined(CAMBER_WITH_EMULATOR)
    if (device == Device::emulated) return emulated::find_memory();
#endif
    static_cast<void>(device);
    return nullptr;
}

bool has_backend(Device device) { return find_backend(device) != nullptr; }

std::string why_no_backend(Device device) {
    std::string why;
    find_backend(device, &why);
    return why;
}

std::vector<std::string> device_libraries(Device device) {
#if defined(CAMBER_WITH_CUDA)
    if (device == Device::cuda) return cuda::describe_libraries();
#endif
    static_cast<void>(device);
    return {};
}

Backend& backend(Device device) {
    if (Backend* profiling = profiling_backend(device)) return *profiling;
    std::string why;
    Backend* found = find_backend(device, &why);
    if (!found) fail("device '{}' cannot be used: {}", name(device), why);
    return *found;
}

}  // namespace camber
