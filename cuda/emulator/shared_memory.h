#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// A block's shared memory, and for every four bytes of it who wrote and read them since the last barrier.
namespace camber::emulator {

/// The accessing thread, and how many barriers it has passed.
struct Accessor {
    std::uint16_t thread;
    std::uint16_t warp_epoch;  ///< warp operations of its warp since the last block-wide barrier
};

class SharedMemory {
  public:
    static constexpr std::size_t capacity = 227 * 1024;  ///< of a block on sm_90

    SharedMemory();
    void start_block(std::size_t dynamic_bytes);
    /// The array declared at `id`; null when there is no room for it.
    void* place(const void* id, const char* name, std::size_t bytes, std::size_t alignment);
    void* dynamic() const { return memory_.get(); }
    void pass_barrier() { ++epoch_; }

    bool contains(const void* p) const {
        return static_cast<std::size_t>(static_cast<const char*>(p) - memory_.get()) < capacity;
    }
    std::uintptr_t offset(const void* p) const {
        return static_cast<std::uintptr_t>(static_cast<const char*>(p) - memory_.get());
    }
    /// The array that holds or precedes it.
    const char* name_at(const void* p) const;
    /// Of the arrays that the block has declared.
    std::size_t static_bytes() const;
    /// Empty, or what is wrong with this access.
    std::string access(const void* p, std::size_t bytes, bool write, bool atomic, Accessor who);

  private:
    struct Cell {
        std::uint32_t write_epoch = 0, read_epoch = 0;
        std::uint16_t writer = 0, writer_warp_epoch = 0;
        std::uint16_t reader = 0, reader_warp_epoch = 0;
        std::uint8_t written_bytes = 0;  ///< mask, of this block
        std::uint8_t open_bytes = 0;     ///< mask: declared
        std::uint8_t epoch_written = 0;  ///< mask, since the last barrier
        std::uint8_t epoch_read = 0;
        bool several_readers = false, by_atomic = false;
    };
    struct Array {
        const void* id;
        const char* name;
        std::size_t begin, bytes;
    };
    void declare(const void* id, const char* name, std::size_t begin, std::size_t bytes);
    const Array* array_at(const void* p) const;
    std::string where(const void* p) const;

    std::unique_ptr<char[], void (*)(char*)> memory_;
    std::vector<Cell> cells_;
    std::vector<Array> arrays_;
    std::size_t top_ = 0;
    std::uint32_t epoch_ = 1;
};

}  // namespace camber::emulator
