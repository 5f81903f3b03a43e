#pragma once
#include "cuda/emulator/counts.h"
#include "cuda/laboratory/experiment.h"

/// One version of an experiment, run.
namespace camber::laboratory {

/// An experiment at a shape on a device: its operands, and what is expected of any version.
class Trial {
  public:
    /// Throws UsageError where `shape` has not as many numbers as the experiment has axes.
    Trial(const Experiment& experiment, const std::vector<std::int64_t>& shape, Device device);

    const Experiment& experiment() const { return experiment_; }
    const Problem& problem() const { return problem_; }
    /// Numbers 1 to count().
    int count() const { return static_cast<int>(versions_.size()) + 1; }
    std::string what(int version) const;

    /// Runs a version; the largest of max |error| / max |expected| over its outputs. Infinite where one is not finite.
    double error(int version);
    /// On the emulated device: what a run of it asks of memory.
    std::vector<emulator::LaunchCounts> count_accesses(int version);
    /// Seconds of one run in each of `rounds` rounds of many, sorted; the operands are other ones from run to run, so
    /// that no cache holds them.
    std::vector<double> time(int version, int rounds);
    /// The operand that holds this address, or "scratch".
    std::string operand_at(const void* address) const;

  private:
    void run(int version, const Tensors& in, const Tensors& out) const;

    const Experiment& experiment_;
    Problem problem_;
    Device device_;
    std::vector<const Version*> versions_;
    Tensors in_, out_;
    std::vector<std::vector<double>> expected_;  ///< of each output
};

}  // namespace camber::laboratory
