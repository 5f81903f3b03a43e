#pragma once
#include <string>

namespace camber::cli {

/// Throws UsageError where writing to `out` would replace `read`, a file that the command reads, by whatever path or
/// link it is named. An empty `read` is none.
void refuse_to_replace(const std::string& read, const std::string& out);

}  // namespace camber::cli
