#pragma once
#include <camber/device.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace camber {

/// The most bytes that the allocators of a device hold together. Thread-safe.
class MemoryLimit {
  public:
    static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();

    void set(std::int64_t most) { most_ = most; }
    std::int64_t most() const { return most_; }

    /// Counts bytes that are about to be held; false, and not counted, where they would be too many.
    bool take(std::size_t bytes) {
        const auto more = static_cast<std::int64_t>(bytes);
        if (held_.fetch_add(more) + more <= most_) return true;
        give(bytes);
        return false;
    }
    void give(std::size_t bytes) { held_ -= static_cast<std::int64_t>(bytes); }

  private:
    std::atomic<std::int64_t> most_ = none, held_ = 0;
};

/// A limit on a device's memory for its lifetime.
class LimitScope {
  public:
    LimitScope(DeviceMemory& memory, std::int64_t most) : memory_(memory), before_(memory.limit()) {
        memory.set_limit(most);
    }
    ~LimitScope() { memory_.set_limit(before_); }
    LimitScope(const LimitScope&) = delete;
    LimitScope& operator=(const LimitScope&) = delete;

  private:
    DeviceMemory& memory_;
    std::int64_t before_;
};

/// ", 500.0 MB allowed"; nothing where there is no limit.
inline std::string limit_text(std::int64_t most) {
    return most == MemoryLimit::none ? "" : ", " + bytes_text(most) + " allowed";
}

}  // namespace camber
