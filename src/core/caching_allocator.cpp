#include "core/caching_allocator.h"

#include <algorithm>

namespace camber {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t small_limit = std::size_t{1} << 20;  // smaller requests share segments
constexpr std::size_t small_segment = std::size_t{8} << 20;
constexpr std::size_t large_granularity = std::size_t{1} << 20;

std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

}  // namespace

CachingAllocator::~CachingAllocator() { trim(); }

CachingAllocator::Blocks::iterator CachingAllocator::find_free(std::size_t bytes) {
    const auto best = free_.lower_bound({bytes, nullptr});
    if (best == free_.end()) return blocks_.end();
    // A small request must not break up a large cached block: its neighbours would never merge back in time.
    if (bytes < small_limit && best->first > small_segment) return blocks_.end();
    return blocks_.find(best->second);
}

CachingAllocator::Blocks::iterator CachingAllocator::take_segment(std::size_t bytes) {
    const std::size_t size = bytes < small_limit ? small_segment : round_up(bytes, large_granularity);
    void* const segment = take_(size);
    if (!segment) return blocks_.end();
    ++stats_.allocations;
    const std::size_t missing = pages_.size > 0 ? size : 0;
    stats_.reserved += size - missing;
    const auto block = blocks_.emplace(static_cast<char*>(segment), Block{size, missing, size, false}).first;
    free_.insert({size, block->first});
    return block;
}

std::size_t CachingAllocator::whole_pages(const char* begin, std::size_t bytes) const {
    if (pages_.size == 0) return 0;
    const auto from = reinterpret_cast<std::uintptr_t>(begin);
    const std::uintptr_t first = round_up(from, pages_.size), end = (from + bytes) / pages_.size * pages_.size;
    return end > first ? end - first : 0;
}

std::optional<std::size_t> CachingAllocator::hold(Blocks::iterator block, std::size_t bytes) {
    const auto& [address, found] = *block;
    if (found.missing == 0) return 0;
    // Which of its pages are missing is known where all are.
    const bool all = found.missing == whole_pages(address, found.size);
    const std::size_t left = all ? whole_pages(address + bytes, found.size - bytes) : 0;
    if (!pages_.hold(found.missing - left)) return std::nullopt;
    stats_.reserved += found.missing - left;
    return left;
}

void CachingAllocator::discard(Blocks::iterator block) {
    auto& [address, gap] = *block;
    const std::size_t pages = whole_pages(address, gap.size), held = pages - gap.missing;
    if (held == 0) return;
    const std::size_t before =
        round_up(reinterpret_cast<std::uintptr_t>(address), pages_.size) - reinterpret_cast<std::uintptr_t>(address);
    pages_.discard(address + before, pages);
    pages_.count_given(held);
    stats_.reserved -= held;
    gap.missing = pages;
}

void CachingAllocator::give_back(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t enough = stats_.reserved - std::min(bytes, stats_.reserved);
    for (auto gap = free_.rbegin(); gap != free_.rend() && stats_.reserved > enough; ++gap)
        discard(blocks_.find(gap->second));
}

void* CachingAllocator::allocate(std::size_t bytes) {
    bytes = round_up(std::max<std::size_t>(bytes, 1), alignment);
    const std::lock_guard lock(mutex_);
    auto block = find_free(bytes);
    if (block == blocks_.end()) block = take_segment(bytes);
    if (block == blocks_.end()) return nullptr;
    const std::optional<std::size_t> missing = hold(block, bytes);
    if (!missing) return nullptr;
    free_.erase({block->second.size, block->first});
    if (const std::size_t rest = block->second.size - bytes; rest > 0) {
        const auto remainder = blocks_.emplace(block->first + bytes, Block{rest, *missing, 0, false}).first;
        free_.insert({rest, remainder->first});
        block->second.size = bytes;
    }
    block->second.missing = 0;
    block->second.used = true;
    ++stats_.requests;
    stats_.current += bytes;
    stats_.peak = std::max(stats_.peak, stats_.current);
    return block->first;
}

void CachingAllocator::release(void* address) noexcept {
    if (!address) return;
    const std::lock_guard lock(mutex_);
    auto block = blocks_.find(static_cast<char*>(address));
    block->second.used = false;
    stats_.current -= block->second.size;
    if (const auto next = std::next(block); next != blocks_.end() && next->second.segment == 0 && !next->second.used) {
        free_.erase({next->second.size, next->first});
        block->second.size += next->second.size;
        block->second.missing += next->second.missing;
        blocks_.erase(next);
    }
    if (block->second.segment == 0) {
        if (const auto previous = std::prev(block); !previous->second.used) {
            free_.erase({previous->second.size, previous->first});
            previous->second.size += block->second.size;
            previous->second.missing += block->second.missing;
            blocks_.erase(block);
            block = previous;
        }
    }
    free_.insert({block->second.size, block->first});
}

MemoryStats CachingAllocator::stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
}

void CachingAllocator::reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.current;
}

void CachingAllocator::trim() {
    const std::lock_guard lock(mutex_);
    for (auto it = blocks_.begin(); it != blocks_.end();) {
        const auto& [address, block] = *it;
        if (!block.used) discard(it);
        if (!block.used && block.segment == block.size) {
            free_.erase({block.size, address});
            stats_.reserved -= block.size - block.missing;
            give_(address, block.size);
            it = blocks_.erase(it);
        } else {
            ++it;
        }
    }
}

}  // namespace camber
