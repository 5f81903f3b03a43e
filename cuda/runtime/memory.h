#pragma once
#include <camber/device.h>

#include <memory>

#include "core/block_allocator.h"
#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// Device memory behind a caching allocator, unless CAMBER_MEMORY asks for another (checking.h). Blocks are handed out
/// and taken back in the order of the compute stream, on which everything that uses them runs, so a block may be reused
/// at once.
DeviceMemory& gpu_memory();
/// Throws Error where CAMBER_MEMORY=guarded finds that something wrote beyond a tensor. Waits for the device then.
void check_memory();

/// Memory of its own for a recorded step: while a Scope lives, this OS thread's tensors come from the pool, and what
/// they give back is reused within the pool alone. So a replay never writes into a tensor made since.
class MemoryPool {
  public:
    MemoryPool();
    ~MemoryPool();
    /// As check_memory(), of the tensors of a recording that has been replayed.
    void check();

    class Scope {
      public:
        explicit Scope(MemoryPool& pool);
        ~Scope();
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
    };

  private:
    std::shared_ptr<BlockAllocator> allocator_;
};

}  // namespace camber::CAMBER_GPU
