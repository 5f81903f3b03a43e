#pragma once
#include <camber/device.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

namespace camber {

/// Best fit over segments taken from the system: a block is split when it is larger than asked for and merged with its
/// free neighbours when it returns. A training step asks for the same sizes in the same order, so from the second step
/// on nothing goes to the system. Thread-safe.
class CachingAllocator {
  public:
    /// `take` returns null or throws when the system has no more; `give` returns a segment.
    CachingAllocator(std::function<void*(std::size_t)> take, std::function<void(void*, std::size_t)> give)
        : take_(std::move(take)), give_(std::move(give)) {}
    ~CachingAllocator();

    /// Null when the system has no more; after a trim() it may.
    void* allocate(std::size_t bytes);
    void release(void* block) noexcept;
    MemoryStats stats() const;
    void reset_peak();
    /// Gives segments of which nothing is used back to the system.
    void trim();

  private:
    struct Block {
        std::size_t size = 0;
        std::size_t segment = 0;  ///< size of the segment when this is its first block, else 0
        bool used = false;
    };
    using Blocks = std::map<char*, Block>;  ///< by address; neighbours in the map with segment == 0 are adjacent

    Blocks::iterator find_free(std::size_t bytes);
    Blocks::iterator take_segment(std::size_t bytes);

    std::function<void*(std::size_t)> take_;
    std::function<void(void*, std::size_t)> give_;
    mutable std::mutex mutex_;
    Blocks blocks_;
    std::set<std::pair<std::size_t, char*>> free_;  ///< (size, address) of the unused blocks
    MemoryStats stats_;
};

}  // namespace camber
