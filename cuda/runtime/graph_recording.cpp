#include "cuda/runtime/graph_recording.h"

#include "cuda/runtime/checking.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {
namespace {

class GraphRecording final : public Recording {
  public:
    explicit GraphRecording(const std::function<void()>& work)
        : graph_([&] {
              const MemoryPool::Scope scope(pool_);
              work();
          }) {}

    void replay() override {
        graph_.replay();
        if (memory_mode() != MemoryMode::guarded) return;
        pool_.check();
        check_memory();
    }

  private:
    MemoryPool pool_;  // outlives the graph, which writes to it
    Graph graph_;
};

}  // namespace

std::unique_ptr<Recording> record_graph(const std::function<void()>& work) {
    gpu_memory().trim();  // what earlier steps left cached would lie idle beside the recording's own memory
    return std::make_unique<GraphRecording>(work);
}

}  // namespace camber::CAMBER_GPU
