#include "cuda/kernels/gpu_backend.h"

#include "cuda/backend/chosen_convolutions.h"
#include "cuda/backend/cuda.h"
#include "cuda/runtime/arrivals.h"
#include "cuda/runtime/event_timeline.h"
#include "cuda/runtime/graph_recording.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/process_sums.h"
#include "cuda/runtime/requirements.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

std::string GpuBackend::describe() const { return describe_runtime() + "; " + describe_convolutions(); }

void GpuBackend::synchronize() {
    CAMBER_GPU::synchronize();
    check_memory();
}

std::unique_ptr<Recording> GpuBackend::record(const std::function<void()>& work) {
    arrival_counters();  // made now, not as part of what is replayed
    return record_graph(work);
}

std::unique_ptr<DeviceSums> GpuBackend::join(const Meeting& meeting) { return process_sums(meeting); }

std::unique_ptr<Timeline> GpuBackend::timeline() { return std::make_unique<EventTimeline>(); }

std::string GpuBackend::why_not_in(Dtype dtype) const { return CAMBER_GPU::why_not_in(device_properties(), dtype); }

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
