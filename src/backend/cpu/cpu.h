#pragma once
#include "backend/backend.h"

namespace camber {

/// The host's own backend: oneDNN (where the build found it), hand-written Winograd, and vectorised OpenMP loops.
/// f32 and bf16.
Backend& cpu_backend();

}  // namespace camber
