#include "cuda/kernels/gpu_backend.h"

#include <camber/error.h>

#include "cuda/convolutions/convolutions.h"
#include "cuda/cuda.h"
#include "cuda/runtime/arrivals.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

std::string GpuBackend::describe() const { return describe_runtime() + "; " + describe_convolutions(); }

void GpuBackend::synchronize() { CAMBER_GPU::synchronize(); }

namespace {

class GraphRecording final : public Recording {
  public:
    explicit GraphRecording(const std::function<void()>& work)
        : graph_([&] {
              const MemoryPool::Scope scope(pool_);
              work();
          }) {}
    void replay() override { graph_.replay(); }

  private:
    MemoryPool pool_;  // outlives the graph, which writes to it
    Graph graph_;
};

}  // namespace

std::unique_ptr<Recording> GpuBackend::record(const std::function<void()>& work) {
    arrival_counters();   // made now, not as part of what is replayed
    gpu_memory().trim();  // what earlier steps left cached would lie idle beside the recording's own memory
    return std::make_unique<GraphRecording>(work);
}

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
