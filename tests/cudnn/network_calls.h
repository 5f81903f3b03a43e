#pragma once
#include <camber/nets.h>

#include <string>
#include <vector>

#include "cuda/kernels/conv.h"

namespace camber::testing {

/// Every convolution of a training step of `net`, forward and backward, on images [batch, size, size, C] of `dtype`.
/// The step runs on Device::meta, whose backend this test program replaces by one that records.
std::vector<ConvCall> convolutions_of_step(nets::Net& net, std::int64_t batch, std::int64_t size, Dtype dtype);

}  // namespace camber::testing
