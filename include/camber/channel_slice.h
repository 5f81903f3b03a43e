#pragma once
#include <camber/tensor.h>

namespace camber {

/// Channels [begin, begin + C) of a tensor [..., at least begin + C], where C follows from the context; an undefined
/// tensor: none.
struct ChannelSlice {
    Tensor tensor;
    std::int64_t begin = 0;
    explicit operator bool() const { return tensor.defined(); }
};

}  // namespace camber
