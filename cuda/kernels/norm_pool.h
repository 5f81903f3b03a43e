#pragma once
#include <camber/channel_slice.h>

#include "cuda/kernels/norm.h"

namespace camber::CAMBER_GPU {

/// y = x normalised, not below 0 where `relu`; pooled = the maxima of y's 2x2 windows. T is x's element type.
template <class T>
void normalise_and_pool(const char* name, const Tensor& x, const ChannelSlice& y, const Tensor& pooled,
                        const NormChannels& channels, bool relu);

/// batch_norm_backward() with dpooled.
template <class T>
void pooled_backward(const Tensor& x, const ChannelSlice& dy, const Tensor& dpooled, const NormChannels& channels,
                     const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta, bool relu);

}  // namespace camber::CAMBER_GPU
