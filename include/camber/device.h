#pragma once
#include <camber/error.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace camber {

/// Where a tensor lives and whose primitives work on it.
enum class Device : std::uint8_t {
    meta,       ///< shapes only, no elements, but their memory is counted: layer tables and planning
    reference,  ///< host memory, plain loops with double accumulators: the oracle
    cpu,        ///< host memory, oneDNN and OpenMP
    cuda,       ///< an NVIDIA GPU
    emulated,   ///< the CUDA kernels on the host
};
inline constexpr int device_count = 5;

const char* name(Device device);
/// The inverse of name(); throws UsageError for any other text.
Device parse_device(const std::string& text);

/// What an allocator has handed out and holds, in bytes.
struct MemoryStats {
    std::size_t current = 0;        ///< in tensors now
    std::size_t peak = 0;           ///< the most ever in tensors since the last reset_peak()
    std::size_t reserved = 0;       ///< held from the system, in use or cached
    std::uint64_t requests = 0;     ///< tensors' requests so far
    std::uint64_t allocations = 0;  ///< requests that had to go to the system: constant once a training step is warm
    /// Copies from host memory and to it so far, on a device that has memory of its own.
    std::uint64_t copies_from_host = 0, copies_to_host = 0;
};

/// A device had no more memory.
class OutOfMemory : public Error {
  public:
    using Error::Error;
};

/// Bytes as a person reads them: "512.0 MB", "11.42 GB", a megabyte of 1,000,000 as --memory takes it.
std::string bytes_text(std::int64_t bytes);

/// Memory of one device: a caching allocator and copies. Implementations are thread-safe.
class DeviceMemory {
  public:
    virtual ~DeviceMemory() = default;
    /// At least `bytes` bytes aligned to 64; on Device::meta an address that cannot be read. Throws OutOfMemory
    /// naming the sizes.
    virtual void* allocate(std::size_t bytes) = 0;
    virtual void release(void* block) noexcept = 0;
    virtual void copy_from_host(void* dst, const void* src, std::size_t bytes) = 0;
    /// Waits until the device has finished what was queued before.
    virtual void copy_to_host(void* dst, const void* src, std::size_t bytes) = 0;
    virtual void copy_within(void* dst, const void* src, std::size_t bytes) = 0;
    virtual void zero(void* dst, std::size_t bytes) = 0;
    /// Bytes that can still be had from the system, about, beside what lies cached.
    virtual std::int64_t available() const = 0;
    /// From now on no more than so many bytes are held from the system, in use or cached: allocate() throws where it
    /// would take more. Tensors that there are stay.
    virtual void set_limit(std::int64_t bytes) = 0;
    /// What set_limit() was given last, else INT64_MAX.
    virtual std::int64_t limit() const = 0;
    virtual MemoryStats stats() const = 0;
    virtual void reset_peak() = 0;
    /// Gives cached blocks back to the system.
    virtual void trim() = 0;
};

/// The memory of `device`; throws Error when this build or machine has no such device.
DeviceMemory& device_memory(Device device);
/// Whether a device has `bytes` for something that can be done without: as much again is left, and a quarter of what is
/// held, since a copy among tensors has later ones lie elsewhere, in other pieces.
bool has_spare(Device device, std::int64_t bytes);
/// Whether tensors on `device` can be read through plain pointers.
bool is_host(Device device);

}  // namespace camber
