#include "cuda/kernels/gpu_backend.h"

#include <camber/error.h>

#include "cuda/cuda.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

std::string GpuBackend::describe() const { return describe_runtime(); }

void GpuBackend::synchronize() { CAMBER_GPU::synchronize(); }

Backend* find_backend(std::string* why) {
    if (!why_unavailable().empty()) {
        if (why) *why = why_unavailable();
        return nullptr;
    }
    static GpuBackend backend;
    return &backend;
}

DeviceMemory* find_memory() { return why_unavailable().empty() ? &gpu_memory() : nullptr; }

}  // namespace camber::CAMBER_GPU
