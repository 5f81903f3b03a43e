#pragma once
#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

inline constexpr int arrival_counter_count = 1024;

/// Counters in device memory for blocks that finish what all of them began (last_to_arrive() in kernels/reduce.h). They
/// are zero between kernels; as kernels run one after another, all may use the same ones.
unsigned* arrival_counters();

}  // namespace camber::CAMBER_GPU
