#pragma once
#include <filesystem>
#include <vector>

#include "data/class_file.h"

namespace camber {

/// The classes of label maps that nothing says what they are: one for each id or colour that occurs in them, "class 0",
/// named after the id. 255 is void, or, where there is nothing but 0 and 255, the second of two. Throws Error for files
/// that cannot be read, mix ids and colours, or have so many values that they are no label maps.
ClassFile found_classes(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& labels);

/// The ids that occur in label maps, up to a few files of them; empty where they are colours.
std::vector<int> found_ids(const std::vector<std::filesystem::path>& labels, std::size_t most_files);

}  // namespace camber
