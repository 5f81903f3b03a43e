#pragma once
#include <camber/tensor.h>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// How far a result is from another of the same computation.
struct Difference {
    double largest = 0;        ///< of |wanted|; infinite where an element is not finite
    double norm = 0;           ///< the root of the sum of squares of wanted
    double largest_apart = 0;  ///< of |wanted - found|; infinite where an element is not finite
    double norm_apart = 0;

    bool operator==(const Difference&) const = default;
    /// Whether `wanted` tells a right result from a wrong one: it is finite and not all zeros.
    bool telling() const;
    /// The larger of largest_apart / largest, which sees what is wrong in a few places, and norm_apart / norm, which
    /// sees what is a little wrong everywhere. Never NaN; infinite where `found` is not finite.
    double relative() const;
};

/// Compares tensors of one shape and dtype, f32 or bf16. Waits for the device.
Difference compare(const Tensor& wanted, const Tensor& found);

}  // namespace camber::CAMBER_GPU
