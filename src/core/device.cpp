#include <camber/device.h>
#include <camber/error.h>
#include <camber/names.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

#include "core/caching_allocator.h"
#include "core/gpu_memory.h"
#include "core/host_memory.h"
#include "core/memory_limit.h"

namespace camber {
namespace {

constexpr std::array<const char*, device_count> device_names = {"meta", "reference", "cpu", "cuda", "emulated"};

/// Shapes without elements: blocks are addresses that nobody has, counted as another device's would be.
class MetaMemory : public DeviceMemory {
  public:
    void* allocate(std::size_t bytes) override { return allocator_.allocate(bytes); }
    void release(void* block) noexcept override { allocator_.release(block); }
    void copy_from_host(void*, const void*, std::size_t) override {}
    void copy_to_host(void*, const void*, std::size_t) override { fail("a tensor on the meta device has no elements"); }
    void copy_within(void*, const void*, std::size_t) override {}
    void zero(void*, std::size_t) override {}
    std::int64_t available() const override { return std::numeric_limits<std::int64_t>::max(); }
    void set_limit(std::int64_t) override {}
    std::int64_t limit() const override { return MemoryLimit::none; }
    MemoryStats stats() const override { return allocator_.stats(); }
    void reset_peak() override { allocator_.reset_peak(); }
    void trim() override { allocator_.trim(); }

  private:
    std::uintptr_t next_ = std::uintptr_t{1} << 52;  // beyond what a process can have
    CachingAllocator allocator_{[this](std::size_t bytes) {
                                    // A gap, so that segments are no neighbours.
                                    const std::uintptr_t segment = next_;
                                    next_ += bytes + 4096;
                                    return reinterpret_cast<void*>(segment);
                                },
                                [](void*, std::size_t) {}};
};

DeviceMemory* find_memory(Device device) {
    // Never destroyed: tensors in static objects may outlive any order of destruction.
    static auto* const meta = new MetaMemory;
    switch (device) {
        case Device::meta:
            return meta;
        case Device::reference:
        case Device::cpu:
            return &host_memory();
        case Device::cuda:
        case Device::emulated:
            return find_gpu_memory(device);
    }
    return nullptr;
}

}  // namespace

const char* name(Device device) { return device_names[static_cast<std::size_t>(device)]; }

Device parse_device(const std::string& text) {
    for (int i = 0; i < device_count; ++i) {
        if (text == device_names[static_cast<std::size_t>(i)]) return static_cast<Device>(i);
    }
    fail_usage("unknown device '{}': {}", text, one_of({std::begin(device_names) + 1, std::end(device_names)}));
}

DeviceMemory& device_memory(Device device) {
    static std::array<std::atomic<DeviceMemory*>, device_count> found{};
    std::atomic<DeviceMemory*>& memory = found[static_cast<std::size_t>(device)];
    if (!memory) memory = find_memory(device);  // every thread finds the same
    if (!memory) fail("there is no device '{}' in this build or on this machine: see camber info", name(device));
    return *memory;
}

bool has_spare(Device device, std::int64_t bytes) {
    const DeviceMemory& memory = device_memory(device);
    const auto reserved = static_cast<std::int64_t>(memory.stats().reserved);
    return std::min(memory.available(), memory.limit() - reserved) > 2 * bytes + reserved / 4;
}

std::string bytes_text(std::int64_t bytes) {
    const double size = static_cast<double>(bytes);
    return size < 1e9 ? fmt::format("{:.1f} MB", size / 1e6) : fmt::format("{:.2f} GB", size / 1e9);
}

bool is_host(Device device) { return device == Device::reference || device == Device::cpu; }

}  // namespace camber
