#pragma once
#include <filesystem>
#include <vector>

#include "data/class_file.h"

namespace camber {

/// The classes of label maps that nothing says what they are: one for each id or colour that occurs in them, "class 0",
/// named after the id. 255 is void, or, where there is nothing but 0 and 255 (or, in other files, 1), the second of
/// two. Throws Error for files that cannot be read, mix ids and colours, or have so many values that they are no label
/// maps.
ClassFile found_classes(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& labels);

/// Label maps that tell two classes apart, as tools write them: 0 and 1, or 0 and 255.
struct BinaryLabels {
    std::size_t with_1 = 0, with_255 = 0;  ///< files that hold the one or the other
    bool others = false;                   ///< some hold more, or both
    /// Whether 255 is written for the second class.
    bool of_255() const { return with_255 > 0 && !others; }
};
/// Files that cannot be read are passed over.
BinaryLabels binary_labels(const std::vector<std::filesystem::path>& labels);

}  // namespace camber
