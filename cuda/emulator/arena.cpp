#include "cuda/emulator/arena.h"

#include <camber/error.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define CAMBER_POISON(p, n) __asan_poison_memory_region(p, n)
#define CAMBER_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define CAMBER_POISON(p, n) (static_cast<void>(p), static_cast<void>(n))
#define CAMBER_UNPOISON(p, n) (static_cast<void>(p), static_cast<void>(n))
#endif

namespace camber::emulator {
namespace {

constexpr std::size_t most = std::size_t{16} << 30;

std::mutex& mutex() {
    static std::mutex m;
    return m;
}
std::map<std::size_t, std::size_t>& free_ranges() {  // offset -> bytes
    static std::map<std::size_t, std::size_t> ranges;
    return ranges;
}

char* reserve(std::size_t bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
}

}  // namespace

Arena& Arena::get() {
    static auto* arena = new Arena;  // never destroyed: tensors in static objects may outlive any order of destruction
    return *arena;
}

Arena::Arena() {
    const auto physical =
        static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = std::min(most, physical / 2) / granule * granule;
    base_ = reserve(bytes);
    open_bytes_ = reinterpret_cast<std::uint8_t*>(reserve(bytes / granule));
    if (base_ && open_bytes_) capacity_ = bytes;
    top_ = 4096;  // an index below zero in the first block is still in the range
}

void* Arena::take(std::size_t bytes) {
    const std::lock_guard lock(mutex());
    bytes = (bytes + granule - 1) / granule * granule;
    std::size_t offset = capacity_;
    for (auto& [begin, size] : free_ranges()) {
        if (size < bytes) continue;
        offset = begin;
        const std::size_t rest = size - bytes;
        free_ranges().erase(begin);
        if (rest > 0) free_ranges()[offset + bytes] = rest;
        break;
    }
    if (offset == capacity_) {
        if (bytes > capacity_ - top_) return nullptr;
        offset = top_;
        top_ += bytes;
    }
    in_use_ += bytes;
    CAMBER_POISON(base_ + offset, bytes);
    return base_ + offset;
}

void Arena::give(void* segment, std::size_t bytes) {
    const std::lock_guard lock(mutex());
    bytes = (bytes + granule - 1) / granule * granule;
    std::size_t offset = static_cast<std::size_t>(static_cast<char*>(segment) - base_);
    madvise(segment, bytes, MADV_DONTNEED);
    in_use_ -= bytes;
    auto& ranges = free_ranges();
    const auto next = ranges.lower_bound(offset);
    if (next != ranges.end() && next->first == offset + bytes) {
        bytes += next->second;
        ranges.erase(next);
    }
    const auto after = ranges.lower_bound(offset);
    if (after != ranges.begin()) {
        const auto before = std::prev(after);
        if (before->first + before->second == offset) {
            before->second += bytes;
            return;
        }
    }
    ranges[offset] = bytes;
}

void Arena::open(void* block, std::size_t bytes) {
    const std::size_t first = static_cast<std::size_t>(static_cast<char*>(block) - base_) / granule;
    std::memset(open_bytes_ + first, granule, bytes / granule);
    if (bytes % granule) open_bytes_[first + bytes / granule] = static_cast<std::uint8_t>(bytes % granule);
    CAMBER_UNPOISON(block, bytes);
    // What nothing wrote yet reads as a quiet NaN (f32, bf16, f64), not as the zero that hides a mistake.
    std::memset(block, 0xff, bytes);
}

void Arena::close(void* block, std::size_t bytes) {
    const std::size_t first = static_cast<std::size_t>(static_cast<char*>(block) - base_) / granule;
    std::memset(open_bytes_ + first, 0, (bytes + granule - 1) / granule);
    CAMBER_POISON(block, bytes);
}

bool Arena::accessible(const void* p, std::size_t bytes) const {
    std::size_t at = static_cast<std::size_t>(static_cast<const char*>(p) - base_);
    const std::size_t end = at + bytes;
    while (at < end) {
        const std::size_t start = at / granule * granule;
        if (std::min(end, start + granule) - start > open_bytes_[at / granule]) return false;
        at = start + granule;
    }
    return true;
}

std::string Arena::describe(const void* p) const {
    const std::size_t at = static_cast<std::size_t>(static_cast<const char*>(p) - base_);
    // The end of the nearest block before it: enough to see an index that ran over.
    constexpr std::size_t look = 4096;
    for (std::size_t g = at / granule, n = 0; n < look; --g, ++n) {
        if (open_bytes_[g] > 0)
            return fmt::format("{} bytes past the end of a block", at - g * granule - open_bytes_[g]);
        if (g == 0) break;
    }
    for (std::size_t g = at / granule, n = 0; n < look && g < capacity_ / granule; ++g, ++n)
        if (open_bytes_[g] > 0) return fmt::format("{} bytes before a block", g * granule - at);
    return "in no block";
}

}  // namespace camber::emulator
