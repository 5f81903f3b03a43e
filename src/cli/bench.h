#pragma once
#include "cli/commands.h"

namespace camber::cli {

/// `camber bench kernels`: the kernel laboratory.
void add_bench_kernels(CLI::App& bench, Action& action);
/// `camber bench primitives`: a device's own primitives, timed.
void add_bench_primitives(CLI::App& bench, Action& action);

}  // namespace camber::cli
