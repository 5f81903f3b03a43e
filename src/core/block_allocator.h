#pragma once
#include <camber/device.h>

#include <cstddef>

namespace camber {

/// Hands out blocks of a device's memory. Thread-safe.
class BlockAllocator {
  public:
    virtual ~BlockAllocator() = default;
    /// Aligned to 64 bytes. Null when the system has no more; after a trim() it may.
    virtual void* allocate(std::size_t bytes) = 0;
    virtual void release(void* block) noexcept = 0;
    virtual MemoryStats stats() const = 0;
    virtual void reset_peak() = 0;
    /// Gives memory of which nothing is used back to the system.
    virtual void trim() = 0;
    /// Throws Error where it knows that something wrote beyond a block.
    virtual void check() {}
};

}  // namespace camber
