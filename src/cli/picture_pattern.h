#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace camber::cli {

/// Whether a file's name has a place for its number, as frame_%05d.png.
bool is_pattern(const std::filesystem::path& path);
/// The files whose names such a pattern makes, in the order of their numbers. Throws Error where there is none.
std::vector<std::filesystem::path> files_of_pattern(const std::filesystem::path& pattern);

}  // namespace camber::cli
