#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

/// The emulated device's memory: one range of addresses, in which every tensor's block is known to the byte.
namespace camber::emulator {

class Arena {
  public:
    static Arena& get();

    std::size_t capacity() const { return capacity_; }
    std::size_t in_use() const { return in_use_; }
    /// Null when there is no more.
    void* take(std::size_t bytes);
    void give(void* segment, std::size_t bytes);

    /// [block, block + bytes) may be accessed; what follows it, up to the block's end in the allocator, may not.
    void open(void* block, std::size_t bytes);
    void close(void* block, std::size_t bytes);

    bool contains(const void* p) const {
        return static_cast<std::size_t>(static_cast<const char*>(p) - base_) < capacity_;
    }
    bool accessible(const void* p, std::size_t bytes) const;
    /// Where an inaccessible address lies, for a report.
    std::string describe(const void* p) const;

  private:
    Arena();
    static constexpr std::size_t granule = 16;

    char* base_ = nullptr;
    std::uint8_t* open_bytes_ = nullptr;  ///< of every granule, how many bytes from its start may be accessed
    std::size_t capacity_ = 0, in_use_ = 0, top_ = 0;
};

}  // namespace camber::emulator
