#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

/// The emulated device's memory: one range of addresses, in which every tensor's block is known to the byte. The range
/// is many times the memory, so that addresses which went back to the system are not handed out again soon: until then
/// whatever still uses them is found out.
namespace camber::emulator {

class Arena {
  public:
    static Arena& get();

    /// Bytes that can be in use at once.
    std::size_t capacity() const { return unlimited_ ? range_ : capacity_; }
    /// All addresses instead of what the machine has memory for: nothing will be written.
    void set_unlimited(bool unlimited) { unlimited_ = unlimited; }
    std::size_t in_use() const;
    /// Null when there is no more.
    void* take(std::size_t bytes);
    void give(void* segment, std::size_t bytes);

    /// [block, block + bytes) may be accessed; what follows it, up to the block's end in the allocator, may not. Throws
    /// Error where the block was given back.
    void open(void* block, std::size_t bytes);
    void close(void* block, std::size_t bytes);

    bool contains(const void* p) const { return offset(p) < range_; }
    bool accessible(const void* p, std::size_t bytes) const;
    /// Where an inaccessible address of the range lies, for a report: "0 bytes past the end of a block", "which was
    /// given back to the system".
    std::string describe(const void* p) const;

  private:
    Arena();
    static constexpr std::size_t granule = 16;

    std::size_t offset(const void* p) const { return static_cast<std::size_t>(static_cast<const char*>(p) - base_); }
    /// Where `bytes` fit between the segments from `begin` on; range_ where they do not.
    std::size_t find_gap(std::size_t begin, std::size_t bytes) const;
    bool given_back(std::size_t offset) const;

    char* base_ = nullptr;
    std::uint8_t* open_bytes_ = nullptr;  ///< of every granule, how many bytes from its start may be accessed
    std::size_t range_ = 0, capacity_ = 0;
    std::atomic<bool> unlimited_ = false;
    mutable std::mutex mutex_;
    std::map<std::size_t, std::size_t> segments_;  ///< in use: offset -> bytes, whole pages
    std::size_t in_use_ = 0;
    std::size_t next_ = 0;  ///< where the next segment is looked for
    std::size_t top_ = 0;   ///< no address from here on has ever been handed out
};

}  // namespace camber::emulator
