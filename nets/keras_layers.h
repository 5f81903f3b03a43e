#pragma once
#include <camber/layers.h>

namespace camber::nets {

/// nn::keras_batch_norm() as the published Keras networks ran it: on TensorFlow's fused kernel, whose running variance
/// takes the unbiased one of the batch.
inline BatchNormParams fused_keras_batch_norm(bool relu) {
    BatchNormParams params = nn::keras_batch_norm(relu);
    params.unbiased = true;
    return params;
}

}  // namespace camber::nets
