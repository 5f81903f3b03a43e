#pragma once
#include <string>
#include <utility>

namespace camber::cli {

/// "256x320" as {height, width}; throws UsageError for anything else.
std::pair<int, int> parse_size(const std::string& text);

}  // namespace camber::cli
