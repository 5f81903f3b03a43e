#include "core/host_memory.h"

#include <camber/error.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "core/caching_allocator.h"

namespace camber {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool cached =
    false;  // every tensor is a heap block of its own, so that the sanitizer sees where each one ends
#else
constexpr bool cached = true;
#endif

constexpr std::size_t check_from = std::size_t{256} << 20;

/// Bytes that the limit on this process's addresses leaves (ulimit -v).
std::size_t allowed_bytes() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return std::numeric_limits<std::size_t>::max();
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages;
    const std::size_t used = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return limit.rlim_cur - std::min<std::size_t>(used, limit.rlim_cur);
}

/// Bytes that can be had without swapping. The kernel overcommits, so an allocation that cannot be backed would succeed
/// here and have the process killed later.
std::size_t available_bytes() {
    std::ifstream meminfo("/proc/meminfo");
    std::string key, unit;
    std::size_t kib = 0;
    while (meminfo >> key >> kib) {
        if (key == "MemAvailable:") return kib * 1024;
        std::getline(meminfo, unit);
    }
    return std::numeric_limits<std::size_t>::max();
}

std::string size_text(std::size_t bytes) {
    constexpr double mib = 1024.0 * 1024.0;
    const double size = static_cast<double>(bytes);
    return size < 1024 * mib ? fmt::format("{:.1f} MiB", size / mib) : fmt::format("{:.1f} GiB", size / mib / 1024);
}

void* take(std::size_t bytes) {
    if (bytes >= check_from && bytes > available_bytes()) return nullptr;
    void* segment = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (segment == MAP_FAILED) return nullptr;
    madvise(segment, bytes, MADV_HUGEPAGE);  // a hint: fewer page faults and TLB misses on activations
    return segment;
}

class HostMemory : public DeviceMemory {
  public:
    void* allocate(std::size_t bytes) override {
        void* block = nullptr;
        if (cached) {
            block = allocator_.allocate(bytes);
            if (!block) {
                allocator_.trim();
                block = allocator_.allocate(bytes);
            }
        } else if (bytes < check_from || bytes <= available_bytes()) {
            block = std::aligned_alloc(64, (bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0));
        }
        if (!block) {
            fail(
                "out of memory: a tensor of {} does not fit beside {} of others ({} available); use a smaller batch, "
                "image size or width",
                size_text(bytes), size_text(allocator_.stats().current),
                size_text(std::min(available_bytes(), allowed_bytes())));
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
    MemoryStats stats() const override { return allocator_.stats(); }
    void reset_peak() override { allocator_.reset_peak(); }
    void trim() override { allocator_.trim(); }

  private:
    CachingAllocator allocator_{take, [](void* segment, std::size_t bytes) { munmap(segment, bytes); }};
};

}  // namespace

DeviceMemory& host_memory() {
    // Never destroyed: tensors in static objects may outlive any order of destruction.
    static auto* memory = new HostMemory;
    return *memory;
}

}  // namespace camber
