#pragma once
#include <camber/device.h>

#include <mutex>

namespace camber::c_interface {

/// The GPU to oneself: its work goes through one queue. Nothing of a host device.
std::unique_lock<std::mutex> gpu_turn(Device device);

/// What a call needs before it may compute: `threads` threads of the CPU (0: OpenMP's number), and the GPU to itself.
/// Throws StatusError where this process was forked from one that had computed:
/// OpenMP would wait for ever for threads that the fork did not copy.
class Turn {
  public:
    Turn(Device device, int threads);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    static constexpr int most_threads = 1024;

  private:
    std::unique_lock<std::mutex> gpu_;
    int threads_before_;
};

}  // namespace camber::c_interface
