#include "cuda/emulator/shared_memory.h"

#include <camber/error.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace camber::emulator {
namespace {

constexpr std::size_t cell_bytes = 4;
constexpr std::size_t gap = 64;  ///< between arrays, so that running over one is not running into the next

std::uint8_t mask_of(std::size_t begin, std::size_t end) {
    return static_cast<std::uint8_t>(((1u << end) - 1) & ~((1u << begin) - 1));
}

void poison([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(p, bytes);
#endif
}
void unpoison([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(p, bytes);
#endif
}

void release(char* p) {
    unpoison(p, SharedMemory::capacity + gap);
    std::free(p);
}

std::string thread_text(unsigned thread) { return fmt::format("thread {}", thread); }

}  // namespace

SharedMemory::SharedMemory()
    : memory_(static_cast<char*>(std::aligned_alloc(128, (capacity + gap + 127) / 128 * 128)), release),
      cells_(capacity / cell_bytes) {
    if (!memory_) fail("emulator: no memory for a block's shared memory");
    poison(memory_.get(), capacity + gap);
}

void SharedMemory::declare(const void* id, const char* name, std::size_t begin, std::size_t bytes) {
    arrays_.push_back({id, name, begin, bytes});
    unpoison(memory_.get() + begin, bytes);
    std::memset(memory_.get() + begin, 0xff, bytes);  // NaN, as in Arena::open
    for (std::size_t at = begin; at < begin + bytes; at += cell_bytes) {
        Cell& cell = cells_[at / cell_bytes];
        cell = {};
        cell.open_bytes = mask_of(0, std::min(cell_bytes, begin + bytes - at));
    }
    top_ = begin + bytes + gap;
}

void SharedMemory::start_block(std::size_t dynamic_bytes) {
    for (const Array& array : arrays_) {
        poison(memory_.get() + array.begin, array.bytes);
        for (std::size_t at = array.begin; at < array.begin + array.bytes; at += cell_bytes)
            cells_[at / cell_bytes].open_bytes = 0;
    }
    arrays_.clear();
    top_ = 0;
    epoch_ = 1;
    if (dynamic_bytes > 0) declare(nullptr, "the dynamic shared memory", 0, dynamic_bytes);
}

void* SharedMemory::place(const void* id, const char* name, std::size_t bytes, std::size_t alignment) {
    for (const Array& array : arrays_)
        if (array.id == id) return memory_.get() + array.begin;
    const std::size_t align = std::max<std::size_t>(alignment, 16);
    const std::size_t begin = (top_ + align - 1) / align * align;
    if (begin + bytes > capacity) return nullptr;
    declare(id, name, begin, bytes);
    return memory_.get() + begin;
}

const SharedMemory::Array* SharedMemory::array_at(const void* p) const {
    const Array* nearest = nullptr;
    for (const Array& array : arrays_)
        if (array.begin <= offset(p) && (!nearest || array.begin > nearest->begin)) nearest = &array;
    return nearest;
}

const char* SharedMemory::name_at(const void* p) const {
    const Array* const array = array_at(p);
    return array ? array->name : "nothing";
}

std::size_t SharedMemory::static_bytes() const {
    std::size_t bytes = 0;
    for (const Array& array : arrays_)
        if (array.id) bytes += array.bytes;
    return bytes;
}

std::string SharedMemory::where(const void* p) const {
    const std::size_t at = offset(p);
    const Array* const nearest = array_at(p);
    if (!nearest) return "which holds no array";
    if (at < nearest->begin + nearest->bytes) return fmt::format("byte {} of {}", at - nearest->begin, nearest->name);
    return fmt::format("{} bytes past the end of {} ({} bytes)", at - nearest->begin - nearest->bytes, nearest->name,
                       nearest->bytes);
}

std::string SharedMemory::access(const void* p, std::size_t bytes, bool write, bool atomic, Accessor who) {
    std::size_t at = static_cast<std::size_t>(static_cast<const char*>(p) - memory_.get());
    const std::size_t end = at + bytes;
    if (end > capacity) return fmt::format("out-of-bounds access to shared memory, {}", where(p));
    for (; at < end; at = (at / cell_bytes + 1) * cell_bytes) {
        Cell& cell = cells_[at / cell_bytes];
        const std::size_t start = at / cell_bytes * cell_bytes;
        const std::uint8_t touched = mask_of(at - start, std::min(end - start, cell_bytes));
        const auto here = [&] { return where(memory_.get() + at); };
        if (touched & ~cell.open_bytes)
            return fmt::format("out-of-bounds {} of shared memory, {}", write ? "write" : "read", here());

        const bool same_writer = cell.writer == who.thread ||
                                 (cell.writer / 32 == who.thread / 32 && cell.writer_warp_epoch != who.warp_epoch);
        if (cell.write_epoch == epoch_ && (touched & cell.epoch_written) && !same_writer && !(atomic && cell.by_atomic))
            return fmt::format("race on shared memory, {}: {} by this thread and a write by {} with no barrier between",
                               here(), write ? "a write" : "a read", thread_text(cell.writer));
        if (!write || atomic) {
            if (touched & ~cell.written_bytes)
                return fmt::format(
                    "read of unwritten shared memory, {}: a missing write, or a missing barrier after it", here());
        }
        if (write) {
            const bool same_reader = !cell.several_readers && cell.reader == who.thread;
            const bool ordered = cell.reader / 32 == who.thread / 32 && cell.reader_warp_epoch != who.warp_epoch &&
                                 cell.reader != 0xffff;
            if (cell.read_epoch == epoch_ && (touched & cell.epoch_read) && !same_reader && !ordered)
                return fmt::format(
                    "race on shared memory, {}: a write by this thread and a read by {} with no barrier between",
                    here(), cell.reader == 0xffff ? std::string("several threads") : thread_text(cell.reader));
            // What the warp wrote before its last operation is settled; of a cell that lanes share, the bytes that
            // this one does not touch are the others' own.
            const bool settled = cell.writer / 32 == who.thread / 32 && cell.writer_warp_epoch != who.warp_epoch;
            if (cell.write_epoch != epoch_ || settled) cell.epoch_written = 0;
            if (cell.read_epoch == epoch_) cell.epoch_read &= static_cast<std::uint8_t>(~touched);
            cell.write_epoch = epoch_;
            cell.writer = who.thread;
            cell.writer_warp_epoch = who.warp_epoch;
            cell.by_atomic = atomic;
            cell.written_bytes |= touched;
            cell.epoch_written |= touched;
        } else {
            if (cell.read_epoch != epoch_) {
                cell.epoch_read = 0;
                cell.several_readers = false;
            } else if (cell.epoch_read) {
                // 0xffff: threads of several warps, whom only a block-wide barrier orders with a later write.
                if (cell.reader == 0xffff || cell.reader / 32 != who.thread / 32) {
                    cell.reader = 0xffff;
                    cell.several_readers = true;
                } else if (cell.reader != who.thread && cell.reader_warp_epoch == who.warp_epoch) {
                    cell.several_readers = true;
                } else {
                    if (cell.reader_warp_epoch != who.warp_epoch) cell.epoch_read = 0;
                    cell.several_readers = false;
                }
            }
            cell.read_epoch = epoch_;
            if (cell.reader != 0xffff || !cell.several_readers) {
                cell.reader = who.thread;
                cell.reader_warp_epoch = who.warp_epoch;
            }
            cell.epoch_read |= touched;
        }
    }
    return {};
}

}  // namespace camber::emulator
