#pragma once
#include <cstddef>

namespace camber {

/// The index of the first NaN or infinity; `count` where there is none.
std::size_t first_non_finite(const float* values, std::size_t count);

}  // namespace camber
