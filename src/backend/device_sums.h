#pragma once
#include <camber/tensor.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace camber {

/// How processes that are to share a device's sums find each other. Each call is one that all of them make.
struct Meeting {
    int rank = 0, size = 1;
    std::function<void(std::span<std::byte>)> broadcast;  ///< rank 0's bytes go to all
    std::function<std::vector<std::string>(const std::string&)> gather;
    /// Called now and then while this process has waited for its device for so many seconds, for what may be another
    /// process's fault; throws Error where it has been long enough.
    std::function<void(double)> waiting;
};

/// Sums over processes that each have a device of their own: queued there and recorded with a step, in the same order
/// by all. Tensors are f32, f64 or i32 in device memory, and outlive what is queued. Nothing here waits.
class DeviceSums {
  public:
    virtual ~DeviceSums() = default;
    /// `to` is the sum of all processes' `from`, which it may be, in the order of the device's other work.
    virtual void sum(const Tensor& from, const Tensor& to) = 0;
    /// The same beside what is queued from now on, until join(). `after_next`: behind the next sum() rather than before
    /// it, where one is expected soon: it would wait for this one.
    virtual void start_sum(const Tensor& from, const Tensor& to, bool after_next) = 0;
    /// What is queued from now on comes after all sums that were started.
    virtual void join() = 0;
    /// What was started and is not queued yet never will be: the work that it was part of has failed.
    virtual void forget() = 0;
};

}  // namespace camber
