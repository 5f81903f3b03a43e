#pragma once
#include <cstdint>

namespace camber {

/// A label map that Backend::count_predictions compares an image's logits with: plain data, read by the device.
struct LabelMap {
    std::int32_t height, width;  ///< below 2^15, as the logits'; 0: there is nothing to count
    std::int64_t offset;         ///< of its ids in the source, in bytes
};

}  // namespace camber
