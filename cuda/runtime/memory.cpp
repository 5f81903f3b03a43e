#include "cuda/runtime/memory.h"

#include <camber/error.h>

#include <mutex>
#include <unordered_map>

#include "core/caching_allocator.h"
#include "cuda/runtime/runtime.h"
#include "cuda/runtime/staging.h"
#if defined(CAMBER_EMULATED)
#include "cuda/emulator/arena.h"
#endif

namespace camber::CAMBER_GPU {
namespace {

#if defined(CAMBER_EMULATED)
/// Tells the emulator where every tensor begins and ends, to the byte, with room between them for overruns to show.
class BlockWatch {
  public:
    static constexpr std::size_t padding = 64;
    void open(void* block, std::size_t bytes) {
        emulator::Arena::get().open(block, bytes);
        const std::lock_guard lock(mutex_);
        bytes_[block] = bytes;
    }
    void close(void* block) {
        const std::lock_guard lock(mutex_);
        emulator::Arena::get().close(block, bytes_[block]);
        bytes_.erase(block);
    }

  private:
    std::mutex mutex_;
    std::unordered_map<void*, std::size_t> bytes_;
};
#else
class BlockWatch {
  public:
    static constexpr std::size_t padding = 0;
    void open(void*, std::size_t) {}
    void close(void*) {}
};
#endif

class GpuMemory : public DeviceMemory {
  public:
    void* allocate(std::size_t bytes) override {
        void* const block = allocator_.allocate(bytes + BlockWatch::padding);
        if (!block) {
            constexpr double gib = 1024.0 * 1024.0 * 1024.0;
            const MemoryInfo info = device_memory_info();
            fail(
                "out of memory on device '{}': a tensor of {:.1f} GiB does not fit beside {:.1f} GiB in use ({:.1f} of "
                "{:.1f} GiB free); use a smaller batch, image size or width",
                name(this_device), static_cast<double>(bytes) / gib,
                static_cast<double>(allocator_.stats().current) / gib, static_cast<double>(info.free) / gib,
                static_cast<double>(info.total) / gib);
        }
        watch_.open(block, bytes);
        return block;
    }
    void release(void* block) noexcept override {
        watch_.close(block);
        allocator_.release(block);
    }
    void copy_from_host(void* dst, const void* src, std::size_t bytes) override {
        if (bytes > 0) staging().upload(dst, src, bytes);
    }
    void copy_to_host(void* dst, const void* src, std::size_t bytes) override {
        if (bytes > 0) CAMBER_GPU::copy_to_host(dst, src, bytes);
    }
    void copy_within(void* dst, const void* src, std::size_t bytes) override {
        if (bytes > 0) copy_on_device(dst, src, bytes);
    }
    void zero(void* dst, std::size_t bytes) override {
        if (bytes > 0) set_bytes(dst, 0, bytes);
    }
    MemoryStats stats() const override { return allocator_.stats(); }
    void reset_peak() override { allocator_.reset_peak(); }
    void trim() override { allocator_.trim(); }

  private:
    CachingAllocator allocator_{take_device_memory, give_device_memory};
    BlockWatch watch_;
};

}  // namespace

DeviceMemory& gpu_memory() {
    // Never destroyed: tensors in static objects may outlive any order of destruction.
    static auto* memory = new GpuMemory;
    return *memory;
}

}  // namespace camber::CAMBER_GPU
