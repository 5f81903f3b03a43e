#pragma once
#include "backend/primitive_case.h"

namespace camber::testing {

/// A U-Net's largest level.
struct Level {
    std::int64_t batch = 16, pixels = 256, channels = 64, classes = 12, parameters = 31'000'000;
    std::int64_t elements() const { return batch * pixels * pixels * channels; }
};

/// Every primitive of the contract as networks call it: `camber bench primitives` times them, the tests compare them at
/// a small level.
Cases primitive_cases(const Level& level);

}  // namespace camber::testing
