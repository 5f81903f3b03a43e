#pragma once
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"

/// What bench_kernels times.
namespace camber::bench {

/// A U-Net's largest level.
struct Size {
    std::int64_t batch = 16, pixels = 256, channels = 64, classes = 12, parameters = 31'000'000;
    std::int64_t elements() const { return batch * pixels * pixels * channels; }
};

struct Case {
    std::string name;
    double bytes = 0;       ///< the fewest that must move: every input read once, every output written once
    double operations = 0;  ///< additions and multiplications, where arithmetic is the limit
    /// Makes the tensors, filled with random values, and returns one call of the primitive.
    std::function<std::function<void()>()> prepare;
};

/// Every primitive with activations of `dtype`. Tensors live only as long as a case's call.
std::vector<Case> make_cases(const Size& size, Dtype dtype, Device device);

}  // namespace camber::bench
