#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace camber::emulator {

/// For its lifetime the emulated device does nothing but count: kernels are not run, memory is neither written nor
/// copied and may be more than the machine has, so that a step of any size costs no more than its bookkeeping. One at a
/// time, on one OS thread.
class DryRun {
  public:
    DryRun();
    ~DryRun();
    DryRun(const DryRun&) = delete;
    DryRun& operator=(const DryRun&) = delete;

    /// Launches so far under each kernel's name; copies on the device and memsets too.
    const std::map<std::string, std::int64_t>& launches() const { return launches_; }
    void reset() { launches_.clear(); }

  private:
    std::map<std::string, std::int64_t> launches_;
};

}  // namespace camber::emulator
