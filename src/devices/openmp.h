#pragma once

namespace camber {

/// Has OpenMP start the threads that it will compute with. Throws Error where they cannot be started, which OpenMP
/// itself would end the program for, in its own words or by a fault; UsageError where OMP_NUM_THREADS is beyond reason.
void start_openmp();

/// Has OpenMP's threads sleep while they have nothing to do, after some microseconds: spinning takes the cores from the
/// threads that prepare batches, and from whatever else runs. OMP_WAIT_POLICY and GOMP_SPINCOUNT, where set, say
/// otherwise. Costs nothing after its first call.
void wait_passively() noexcept;

}  // namespace camber
