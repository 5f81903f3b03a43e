#pragma once
#include <camber/tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/device_sums.h"

namespace camber::distributed {

/// The processes that were started together under MPI, and what they do as one. Each call is a step that all of them
/// make in the same order; none does anything where there is one process. One thread calls. A call throws Error where a
/// rank does not come within CAMBER_RANK_TIMEOUT seconds [300], naming it, and on rank 0 where another has failed.
class Communicator {
  public:
    /// Joins them at the first call. Throws Error where several processes were started and cannot find each other.
    static Communicator& world();

    Communicator(const Communicator&) = delete;
    Communicator& operator=(const Communicator&) = delete;
    virtual ~Communicator() = default;

    int rank() const { return rank_; }
    int size() const { return size_; }
    bool alone() const { return size_ == 1; }
    /// Whether this is the process that prints and writes.
    bool first() const { return rank_ == 0; }

    /// Each value becomes its sum over all ranks, with the same bits everywhere.
    void sum(std::span<double> values);
    /// Whether it holds on any rank.
    bool any(bool holds);
    /// Rank 0's bytes go to all.
    void broadcast(std::span<std::byte> bytes);
    /// Every rank's text, in their order.
    std::vector<std::string> gather(const std::string& text);
    void barrier() { any(false); }

    /// A sum that goes on while this process does something else, in an order of its own beside the other calls.
    class Pending {
      public:
        virtual ~Pending() = default;
        /// Looks whether it is done; it goes on by such looks alone.
        virtual bool done() = 0;
        virtual void wait() = 0;
    };
    /// values: f32 or f64, whose elements become their sums. Null where there is one process. On a GPU it is queued,
    /// and wait() has what is queued from then on come after it.
    std::unique_ptr<Pending> start_sum(const Tensor& values);

    /// The sums of `device`, a GPU that each process has one of. The first call, which all make, joins them; throws
    /// Error saying what is missing.
    DeviceSums& on(Device device);

    /// Seconds spent in calls so far.
    double seconds() const { return seconds_; }

  protected:
    Communicator(int rank, int size) : rank_(rank), size_(size) {}

    virtual void sum_all(std::span<double>) {}
    virtual void broadcast_all(std::span<std::byte>) {}
    virtual void gather_all(std::span<const std::byte>, std::byte*) {}
    virtual std::unique_ptr<Pending> start(const Tensor&) { return nullptr; }
    /// A rank may be missing: this process has waited so many seconds for its device.
    virtual void waiting(double) {}

  private:
    const int rank_, size_;
    DeviceSums* device_sums_ = nullptr;  ///< never destroyed, as the device's memory
    double seconds_ = 0;
};

/// What this process is to print about an error that ends the job: one rank speaks for all. Rank 0 for itself and for
/// those that tell it what went wrong, another by itself only where rank 0 does not answer. Empty: nothing.
std::string words_of_job(const std::string& line, int code);
/// Ends all ranks of a job of several; returns where this process is alone.
void end_job(int code);

}  // namespace camber::distributed
