#pragma once
#include <string>

#include "cuda/runtime/gpu.h"

/// Modes that find faults in kernels, asked for by the environment; docs/gpu.md says which to use when.
namespace camber::CAMBER_GPU {

/// CAMBER_CHECK=1: every launch is waited for, so that an error names the kernel that failed. The emulated device
/// always is so. Throws UsageError for another value than 0 or 1.
bool checking();

/// CAMBER_MEMORY: where tensors lie.
enum class MemoryMode {
    cached,   ///< in blocks of the caching allocator
    exact,    ///< each in an allocation of exactly its bytes, for compute-sanitizer
    guarded,  ///< each in an allocation with guard bytes on both sides, which are compared (exact on the emulated
              ///< device, which sees every access)
};
/// Throws UsageError for any other text than cached, exact and guarded.
MemoryMode parse_memory_mode(const std::string& text);
MemoryMode memory_mode();

}  // namespace camber::CAMBER_GPU
