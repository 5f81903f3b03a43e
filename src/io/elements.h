#pragma once
#include <camber/weights.h>

namespace camber {

/// Converts `count` little-endian elements at `from` (any alignment) to f32. Integers beyond 2^24 are rounded.
void elements_to_float(ElementType type, const void* from, float* to, std::size_t count);

}  // namespace camber
