#pragma once
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

/// Host bytes on their way to the device through a ring of page-locked buffers: the host goes on as soon as it has
/// copied them there, and waits only when every buffer is still on its way. Where memory cannot be page-locked, the
/// device's own way with other memory serves.
class Staging {
  public:
    Staging(std::size_t buffer_bytes, int buffers);
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    /// Queues the copy on `stream`; `host` may be reused when this returns.
    void upload(void* device, const void* host, std::size_t bytes, StreamKind stream = StreamKind::compute);

  private:
    struct Buffer {
        explicit Buffer(void* pinned) : memory(pinned, give_pinned_memory) {}
        std::unique_ptr<void, void (*)(void*)> memory;
        Event copied{EventUse::ordering};
        bool pending = false;
    };
    std::size_t bytes_;
    std::mutex mutex_;
    std::deque<Buffer> buffers_;
    std::size_t next_ = 0;
};

/// The process's ring for tensors made from host values.
Staging& staging();

}  // namespace camber::CAMBER_GPU
