#pragma once
#include <camber/channel_slice.h>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// sums [C] f32 = the sum of `from`'s C channels over all pixels; `to` [..., C], where defined, becomes their copy.
void sum_channels(const ChannelSlice& from, const Tensor& to, const Tensor& sums);

}  // namespace camber::CAMBER_GPU
