#pragma once
#include "backend/backend.h"

namespace camber {

/// The oracle: every primitive as a plain loop with double accumulators over f64, f32 and bf16 activations. Each output
/// element is a function of its inputs alone, whatever the number of threads.
Backend& reference_backend();

}  // namespace camber
