#include "backend/backend.h"
#include "backend/cpu/cpu.h"
#include "backend/meta/meta.h"
#include "backend/profiler.h"
#include "backend/reference/reference.h"

namespace camber {
namespace {

Backend* find_backend(Device device) {
    switch (device) {
        case Device::meta:
            return &meta_backend();
        case Device::reference:
            return &reference_backend();
        case Device::cpu:
            return &cpu_backend();
        case Device::cuda:
        case Device::emulated:
            return nullptr;
    }
    return nullptr;
}

}  // namespace

bool has_backend(Device device) { return find_backend(device) != nullptr; }

Backend& backend(Device device) {
    if (Backend* profiling = profiling_backend(device)) return *profiling;
    Backend* found = find_backend(device);
    if (!found) fail("there is no device '{}' in this build: it has cpu and reference", name(device));
    return *found;
}

}  // namespace camber
