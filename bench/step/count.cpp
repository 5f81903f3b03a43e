#include "step/count.h"

#include <camber/error.h>
#include <fmt/format.h>

#ifdef CAMBER_WITH_EMULATOR
#include "cuda/runtime/dry_run.h"
#endif

namespace camber::bench {

std::int64_t StepCounts::bytes() const {
    std::int64_t sum = 0;
    for (const auto& [name, of] : profile) sum += of.bytes;
    return sum;
}

std::int64_t StepCounts::launched() const {
    std::int64_t sum = 0;
    for (const auto& [name, count] : launches) sum += count;
    return sum;
}

#ifdef CAMBER_WITH_EMULATOR
StepCounts count_step(StepSize size) {
    size.device = Device::emulated;
    emulator::DryRun device;
    TrainingStep step(size);
    step.run();  // what the first step alone does
    device.reset();
    const ProfileScope scope(size.device);
    step.run();
    return {scope.profile(), device.launches()};
}
#else
StepCounts count_step(StepSize) { fail("{}", why_no_backend(Device::emulated)); }
#endif

void print(const StepCounts& counts) {
    constexpr double mega = 1e-6;
    std::int64_t calls = 0;
    fmt::print("{:34}{:>6}{:>10}\n", "primitive", "calls", "MB");
    for (const auto& [name, of] : counts.profile) {
        fmt::print("{:34}{:6}{:10.1f}\n", name, of.calls, mega * static_cast<double>(of.bytes));
        calls += of.calls;
    }
    fmt::print("{:34}{:6}{:10.1f}\n\n", "all", calls, mega * static_cast<double>(counts.bytes()));
    fmt::print("{:34}{:>6}\n", "kernel", "launches");
    for (const auto& [name, count] : counts.launches) fmt::print("{:34}{:6}\n", name, count);
    fmt::print("{:34}{:6}\n", "all", counts.launched());
}

}  // namespace camber::bench
