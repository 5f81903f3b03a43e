#pragma once
#include "step/training_step.h"

namespace camber::bench {

/// What the convolutions of a training step multiply at least, in all their passes; without taps outside the image, and
/// without auxiliary heads.
struct Multiplications {
    double all = 0;  ///< by the definition of a convolution
    /// Of the way with the fewest: products of Winograd tiles of 3x3 kernels with stride 1 and at least 16 channels
    /// (F(4x4), or F(6x6) where the CPU backend takes it), in f32 whatever the activations are, and all others.
    double winograd = 0, direct = 0;
};
Multiplications multiplications(const StepSize& size);

}  // namespace camber::bench
