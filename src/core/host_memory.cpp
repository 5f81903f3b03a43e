#include "core/host_memory.h"

#include <camber/error.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/available_memory.h"
#include "core/caching_allocator.h"
#include "core/memory_limit.h"

namespace camber {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool cached =
    false;  // every tensor is a heap block of its own, so that the sanitizer sees where each one ends
#else
constexpr bool cached = true;
#endif

constexpr std::size_t check_from = std::size_t{256} << 20;

/// The kernel overcommits, so an allocation that cannot be backed would succeed here and have the process killed later.
bool is_available(std::size_t bytes) { return static_cast<std::int64_t>(bytes) <= available_memory(); }

class HostMemory : public DeviceMemory {
  public:
    void* allocate(std::size_t bytes) override {
        void* block = nullptr;
        if (cached) {
            block = allocator_.allocate(bytes);
            if (!block) {
                allocator_.give_back(bytes);
                block = allocator_.allocate(bytes);
            }
            if (!block) {
                allocator_.trim();
                block = allocator_.allocate(bytes);
            }
        } else if (bytes < check_from || is_available(bytes)) {
            block = std::aligned_alloc(64, (bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0));
        }
        if (!block) {
            throw OutOfMemory(fmt::format(
                "out of memory: a tensor of {} does not fit beside {} of others ({} available{}); use a smaller batch, "
                "image size or width",
                bytes_text(static_cast<std::int64_t>(bytes)),
                bytes_text(static_cast<std::int64_t>(allocator_.stats().current)), bytes_text(available_memory()),
                limit_text(limit())));
        }
        return block;
    }
    void release(void* block) noexcept override {
        if (cached) {
            allocator_.release(block);
        } else {
            std::free(block);
        }
    }
    void copy_from_host(void* dst, const void* src, std::size_t bytes) override { copy_within(dst, src, bytes); }
    void copy_to_host(void* dst, const void* src, std::size_t bytes) override { copy_within(dst, src, bytes); }
    void copy_within(void* dst, const void* src, std::size_t bytes) override {
        if (bytes > 0) std::memcpy(dst, src, bytes);
    }
    void zero(void* dst, std::size_t bytes) override {
        if (bytes > 0) std::memset(dst, 0, bytes);
    }
    std::int64_t available() const override { return available_memory(); }
    void set_limit(std::int64_t bytes) override { limit_.set(bytes); }
    std::int64_t limit() const override { return limit_.most(); }
    MemoryStats stats() const override { return allocator_.stats(); }
    void reset_peak() override { allocator_.reset_peak(); }
    void trim() override { allocator_.trim(); }

  private:
    static void* take(std::size_t bytes) {
        void* segment = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (segment == MAP_FAILED) return nullptr;
        madvise(segment, bytes, MADV_HUGEPAGE);  // a hint: fewer page faults and TLB misses on activations
        return segment;
    }
    static void give(void* segment, std::size_t bytes) { munmap(segment, bytes); }
    bool hold(std::size_t bytes) { return (bytes < check_from || is_available(bytes)) && limit_.take(bytes); }

    MemoryLimit limit_;
    CachingAllocator allocator_{
        take,
        give,
        {.size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE)),
         .hold = [this](std::size_t bytes) { return hold(bytes); },
         .discard = [](void* pages, std::size_t bytes) { madvise(pages, bytes, MADV_DONTNEED); },
         .count_given = [this](std::size_t bytes) { limit_.give(bytes); }}};
};

}  // namespace

DeviceMemory& host_memory() {
    // Never destroyed: tensors in static objects may outlive any order of destruction.
    static auto* memory = new HostMemory;
    return *memory;
}

}  // namespace camber
