#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "core/block_allocator.h"

namespace camber {

/// Best fit over segments taken from the system: a block is split when it is larger than asked for and merged with its
/// free neighbours when it returns. A training step asks for the same sizes in the same order, so from the second step
/// on nothing goes to the system.
class CachingAllocator final : public BlockAllocator {
  public:
    /// `take` returns null or throws when the system has no more; `give` returns a segment.
    CachingAllocator(std::function<void*(std::size_t)> take, std::function<void(void*, std::size_t)> give)
        : take_(std::move(take)), give_(std::move(give)) {}
    ~CachingAllocator() override;

    void* allocate(std::size_t bytes) override;
    void release(void* block) noexcept override;
    MemoryStats stats() const override;
    void reset_peak() override;
    void trim() override;

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
