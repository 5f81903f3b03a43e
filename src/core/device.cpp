#include <camber/device.h>
#include <camber/error.h>

#include <array>
#include <atomic>

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

using Find = DeviceMemory* (*)();

std::array<Find, device_count>& finders() {
    static MetaMemory meta;
    static std::array<Find, device_count> table = {[]() -> DeviceMemory* { return &meta; },
                                                   []() -> DeviceMemory* { return &host_memory(); },
                                                   []() -> DeviceMemory* { return &host_memory(); }, nullptr, nullptr};
    return table;
}

}  // namespace

const char* name(Device device) { return device_names[static_cast<std::size_t>(device)]; }

Device parse_device(const std::string& text) {
    for (int i = 0; i < device_count; ++i) {
        if (text == device_names[static_cast<std::size_t>(i)]) return static_cast<Device>(i);
    }
    fail_usage("unknown device '{}': cpu, cuda, emulated or reference", text);
}

DeviceMemory& device_memory(Device device) {
    const auto index = static_cast<std::size_t>(device);
    static std::array<std::atomic<DeviceMemory*>, device_count> found{};
    if (!found[index] && finders()[index]) found[index] = finders()[index]();
    if (!found[index]) fail("there is no device '{}' in this build or on this machine: see camber info", name(device));
    return *found[index];
}

void register_device_memory(Device device, DeviceMemory* (*find)()) {
    finders()[static_cast<std::size_t>(device)] = find;
}

bool is_host(Device device) { return device == Device::reference || device == Device::cpu; }

}  // namespace camber
