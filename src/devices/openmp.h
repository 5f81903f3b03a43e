#pragma once

namespace camber {

/// Has OpenMP start the threads that it will compute with. Throws Error where they cannot be started, which OpenMP
/// itself would end the program for, in its own words or by a fault; UsageError where OMP_NUM_THREADS is beyond reason.
void start_openmp();

}  // namespace camber
