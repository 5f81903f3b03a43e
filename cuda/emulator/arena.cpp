#include "cuda/emulator/arena.h"

#include <camber/error.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>

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
constexpr std::size_t least = std::size_t{64} << 20;
constexpr std::size_t addresses_a_byte = 64;  ///< of memory
constexpr std::size_t page = 64 * 1024;       ///< the largest that a Linux machine has

std::size_t whole_pages(std::size_t bytes) { return (bytes + page - 1) / page * page; }

/// Addresses that cost no memory until they are made writable. Null where the process may not have so many.
char* reserve(std::size_t bytes, int protection) {
    void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
}

/// Zeros without touching what was never touched.
void clear(std::uint8_t* begin, std::size_t bytes) {
    std::uint8_t* const end = begin + bytes;
    std::uint8_t* const first = begin + (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
    std::uint8_t* const last = end - reinterpret_cast<std::uintptr_t>(end) % page;
    if (first >= last) {
        std::memset(begin, 0, bytes);
        return;
    }
    std::memset(begin, 0, static_cast<std::size_t>(first - begin));
    madvise(first, static_cast<std::size_t>(last - first), MADV_DONTNEED);
    std::memset(last, 0, static_cast<std::size_t>(end - last));
}

/// A quarter of what `ulimit -v` leaves the process, for its heap and stacks count too.
std::size_t most_addresses() {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return most * addresses_a_byte;
    return static_cast<std::size_t>(limit.rlim_cur) / 4;
}

}  // namespace

Arena& Arena::get() {
    static auto* arena = new Arena;  // never destroyed: tensors in static objects may outlive any order of destruction
    return *arena;
}

Arena::Arena() {
    const std::size_t physical =
        static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t memory = std::min(most, physical / 2);
    for (std::size_t range = std::min(memory * addresses_a_byte, most_addresses()) / page * page; range >= least;
         range = range / 2 / page * page) {
        base_ = reserve(range, PROT_NONE);
        // Readable: a granule that was never handed out has no bytes open.
        open_bytes_ = reinterpret_cast<std::uint8_t*>(reserve(range / granule, PROT_READ));
        if (base_ && open_bytes_) {
            range_ = range;
            break;
        }
        if (base_) munmap(base_, range);
        if (open_bytes_) munmap(open_bytes_, range / granule);
    }
    capacity_ = std::min(memory, range_);
    next_ = top_ = page;  // an index below zero in the first block is still in the range
}

std::size_t Arena::in_use() const {
    const std::lock_guard lock(mutex_);
    return in_use_;
}

std::size_t Arena::find_gap(std::size_t begin, std::size_t bytes) const {
    auto segment = segments_.lower_bound(begin);
    if (segment != segments_.begin()) {
        const auto [before, size] = *std::prev(segment);
        begin = std::max(begin, before + size);
    }
    for (; segment != segments_.end() && segment->first - begin < bytes; ++segment)
        begin = segment->first + segment->second;
    const std::size_t end = segment == segments_.end() ? range_ : segment->first;
    return begin <= end && bytes <= end - begin ? begin : range_;
}

void* Arena::take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t most = capacity();
    if (bytes > most) return nullptr;
    bytes = whole_pages(bytes);
    if (bytes > most - std::min(in_use_, most)) return nullptr;
    std::size_t begin = find_gap(next_, bytes);
    if (begin == range_) begin = find_gap(page, bytes);
    if (begin == range_) return nullptr;
    const std::size_t first_granule = begin / granule / page * page;
    if (mprotect(base_ + begin, bytes, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(open_bytes_ + first_granule, whole_pages((begin + bytes) / granule) - first_granule,
                 PROT_READ | PROT_WRITE) != 0)
        return nullptr;
    segments_[begin] = bytes;
    in_use_ += bytes;
    next_ = begin + bytes;
    top_ = std::max(top_, next_);
    CAMBER_POISON(base_ + begin, bytes);
    return base_ + begin;
}

void Arena::give(void* segment, std::size_t) {
    const std::lock_guard lock(mutex_);
    const auto found = segments_.find(offset(segment));
    const auto [begin, bytes] = *found;
    // Mapped anew, which gives the memory back and makes the range inaccessible.
    mmap(segment, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    CAMBER_POISON(segment, bytes);
    clear(open_bytes_ + begin / granule, bytes / granule);
    in_use_ -= bytes;
    segments_.erase(found);
}

bool Arena::given_back(std::size_t at) const {
    const std::lock_guard lock(mutex_);
    const auto after = segments_.upper_bound(at);
    const bool in_segment = after != segments_.begin() && at - std::prev(after)->first < std::prev(after)->second;
    return at >= page && at < top_ && !in_segment;
}

void Arena::open(void* block, std::size_t bytes) {
    if (given_back(offset(block)))
        fail("the memory of a recorded tensor of {} bytes was given back to the system", bytes);
    const std::size_t first = offset(block) / granule;
    std::memset(open_bytes_ + first, granule, bytes / granule);
    if (bytes % granule) open_bytes_[first + bytes / granule] = static_cast<std::uint8_t>(bytes % granule);
    CAMBER_UNPOISON(block, bytes);
    // What nothing wrote yet reads as a quiet NaN (f32, bf16, f64), not as the zero that hides a mistake.
    std::memset(block, 0xff, bytes);
}

void Arena::close(void* block, std::size_t bytes) {
    if (given_back(offset(block))) return;
    const std::size_t first = offset(block) / granule;
    if (open_bytes_[first] == 0) return;  // never opened, in a dry run
    std::memset(open_bytes_ + first, 0, (bytes + granule - 1) / granule);
    CAMBER_POISON(block, bytes);
}

bool Arena::accessible(const void* p, std::size_t bytes) const {
    std::size_t at = offset(p);
    if (at >= range_ || bytes > range_ - at) return false;
    const std::size_t end = at + bytes;
    while (at < end) {
        const std::size_t start = at / granule * granule;
        if (std::min(end, start + granule) - start > open_bytes_[at / granule]) return false;
        at = start + granule;
    }
    return true;
}

std::string Arena::describe(const void* p) const {
    const std::size_t at = offset(p);
    if (given_back(at)) return "which was given back to the system";
    // The end of the nearest block before it: enough to see an index that ran over.
    constexpr std::size_t look = 4096;
    for (std::size_t g = at / granule, n = 0; n < look; --g, ++n) {
        if (open_bytes_[g] > 0)
            return fmt::format("{} bytes past the end of a block", at - g * granule - open_bytes_[g]);
        if (g == 0) break;
    }
    for (std::size_t g = at / granule, n = 0; n < look && g < range_ / granule; ++g, ++n)
        if (open_bytes_[g] > 0) return fmt::format("{} bytes before a block", g * granule - at);
    return "in no block";
}

}  // namespace camber::emulator
