#pragma once
#include <cstdint>

namespace camber {

/// Bytes that the process can still get, about: what the machine has available, its control group allows (cgroup v2),
/// and its limit of addresses (RLIMIT_AS) leaves.
std::int64_t available_memory();

}  // namespace camber
