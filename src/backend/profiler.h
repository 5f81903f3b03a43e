#pragma once
#include <map>
#include <string>

#include "backend/backend.h"

namespace camber {

/// Seconds spent in each primitive, under its name in the contract, bytes that it must have moved (traffic.h), and how
/// often it ran.
struct PrimitiveTime {
    double seconds = 0;
    std::int64_t bytes = 0;
    std::int64_t calls = 0;
};
using Profile = std::map<std::string, PrimitiveTime>;

/// Times every primitive of `device` for its lifetime, one scope at a time. backend(device) then is a wrapper that
/// counts and forwards. A GPU is not waited for between primitives, so that their times add up to what the work takes.
class ProfileScope {
  public:
    explicit ProfileScope(Device device);
    ~ProfileScope();
    ProfileScope(const ProfileScope&) = delete;
    ProfileScope& operator=(const ProfileScope&) = delete;
    /// Waits for the device.
    const Profile& profile() const;
    void reset();
};

/// The wrapper while a ProfileScope for `device` lives, else null.
Backend* profiling_backend(Device device);

}  // namespace camber
