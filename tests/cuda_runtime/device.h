#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/runtime/memory.h"
#include "cuda/runtime/runtime.h"
#include "cuda_runtime/stand_in/cudart.h"

namespace camber::testing {

/// Bytes in the memory of the stand-in's device, behind its allocator.
class Block {
  public:
    explicit Block(std::size_t bytes) : data_(cuda::gpu_memory().allocate(bytes)), bytes_(bytes) {}
    Block(std::size_t bytes, int value) : Block(bytes) {
        const std::vector<std::uint8_t> host(bytes, static_cast<std::uint8_t>(value));
        cuda::gpu_memory().copy_from_host(data_, host.data(), bytes);
    }
    ~Block() { cuda::gpu_memory().release(data_); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    std::uint8_t* data() const { return static_cast<std::uint8_t*>(data_); }
    std::size_t bytes() const { return bytes_; }
    std::vector<std::uint8_t> host() const {
        std::vector<std::uint8_t> values(bytes_);
        cuda::gpu_memory().copy_to_host(values.data(), data_, bytes_);
        return values;
    }
    bool holds(int value) const {
        const std::vector<std::uint8_t> values = host();
        return std::all_of(values.begin(), values.end(), [&](std::uint8_t v) { return v == value; });
    }

  private:
    void* data_;
    std::size_t bytes_;
};

/// A kernel that adds `value` to every byte, from `from` to before `to`, of the block at `data`.
inline void launch_add(const char* name, std::uint8_t* data, std::ptrdiff_t from, std::ptrdiff_t to, int value,
                       double milliseconds = 0) {
    cuda::check_before_launch(name);
    cuda::compute_stream();
    stand_in::launch(
        [=] {
            if (!stand_in::allocated(data + from, static_cast<std::size_t>(to - from))) return cudaErrorIllegalAddress;
            for (std::ptrdiff_t i = from; i < to; ++i) data[i] = static_cast<std::uint8_t>(data[i] + value);
            return cudaSuccess;
        },
        milliseconds);
    cuda::check_launch(name);
}
inline void launch_add(const char* name, const Block& block, int value) {
    launch_add(name, block.data(), 0, static_cast<std::ptrdiff_t>(block.bytes()), value);
}
/// A library's call, or (where it has a name) a kernel, that reads where there is no memory.
inline void launch_fault(const char* name) {
    cuda::compute_stream();
    stand_in::launch([] { return cudaErrorIllegalAddress; });
    if (*name) cuda::check_launch(name);
}

}  // namespace camber::testing
