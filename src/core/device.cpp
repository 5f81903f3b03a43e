#include <camber/device.h>
#include <camber/error.h>
#include <camber/names.h>

#include <array>
#include <atomic>

#include "core/gpu_memory.h"
#include "core/host_memory.h"

namespace camber {
namespace {

constexpr std::array<const char*, device_count> device_names = {"meta", "reference", "cpu", "cuda", "emulated"};

/// Shapes without elements: every block is null.
class MetaMemory : public DeviceMemory {
  public:
    void* allocate(std::size_t) override { return nullptr; }
    void release(void*) noexcept override {}
    void copy_from_host(void*, const void*, std::size_t) override {}
    void copy_to_host(void*, const void*, std::size_t) override { fail("a tensor on the meta device has no elements"); }
    void copy_within(void*, const void*, std::size_t) override {}
    void zero(void*, std::size_t) override {}
    MemoryStats stats() const override { return {}; }
    void reset_peak() override {}
    void trim() override {}
};

DeviceMemory* find_memory(Device device) {
    static MetaMemory meta;
    switch (device) {
        case Device::meta:
            return &meta;
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

bool is_host(Device device) { return device == Device::reference || device == Device::cpu; }

}  // namespace camber
