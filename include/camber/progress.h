#pragma once
#include <cstddef>
#include <functional>

namespace camber {

/// Called as work proceeds, always from the calling thread.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

}  // namespace camber
