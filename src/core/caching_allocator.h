#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "core/block_allocator.h"

namespace camber {

/// Of a system whose segments are addresses at first, each page behind them held from its first use on.
struct HeldPages {
    std::size_t size = 0;                                ///< 0: a segment is held as a whole
    std::function<bool(std::size_t bytes)> hold;         ///< false where so many more may not be held
    std::function<void(void*, std::size_t)> discard;     ///< gives whole pages back, whose addresses stay
    std::function<void(std::size_t bytes)> count_given;  ///< so many are held no more
};

/// Best fit over segments taken from the system: a block is split when it is larger than asked for and merged with its
/// free neighbours when it returns. A training step asks for the same sizes in the same order, so from the second step
/// on nothing goes to the system. Where memory comes in pages, gaps between blocks can be given back too: then tensors
/// fit as long as their bytes do, however they lie.
class CachingAllocator final : public BlockAllocator {
  public:
    /// `take` returns null or throws when the system has no more; `give` returns a segment, none of its pages held.
    CachingAllocator(std::function<void*(std::size_t)> take, std::function<void(void*, std::size_t)> give,
                     HeldPages pages = {})
        : take_(std::move(take)), give_(std::move(give)), pages_(std::move(pages)) {}
    ~CachingAllocator() override;

    void* allocate(std::size_t bytes) override;
    void release(void* block) noexcept override;
    MemoryStats stats() const override;
    void reset_peak() override;
    /// With pages, those of the gaps between blocks too.
    void trim() override;
    /// Gives back so many bytes of pages that no block uses, or all that there are: the largest gaps' first.
    void give_back(std::size_t bytes);

  private:
    struct Block {
        std::size_t size = 0;
        std::size_t missing = 0;  ///< bytes of pages that are not held; of a block in use 0
        std::size_t segment = 0;  ///< size of the segment when this is its first block, else 0
        bool used = false;
    };
    using Blocks = std::map<char*, Block>;  ///< by address; neighbours in the map with segment == 0 are adjacent

    Blocks::iterator find_free(std::size_t bytes);
    Blocks::iterator take_segment(std::size_t bytes);
    /// Bytes of the pages that lie in these addresses as a whole.
    std::size_t whole_pages(const char* begin, std::size_t bytes) const;
    /// Holds the first `bytes` of a free block; returns what is missing of the rest, or nothing where it may not.
    std::optional<std::size_t> hold(Blocks::iterator block, std::size_t bytes);
    void discard(Blocks::iterator block);

    std::function<void*(std::size_t)> take_;
    std::function<void(void*, std::size_t)> give_;
    HeldPages pages_;
    mutable std::mutex mutex_;
    Blocks blocks_;
    std::set<std::pair<std::size_t, char*>> free_;  ///< (size, address) of the unused blocks
    MemoryStats stats_;
};

}  // namespace camber
