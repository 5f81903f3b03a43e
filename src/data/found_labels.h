#pragma once
#include <filesystem>
#include <set>
#include <vector>

#include "data/class_file.h"

namespace camber {

/// The classes of label maps that nothing says what they are: one for each id or colour that occurs in them, "class 0",
/// named after the id. 255 is void, or, where there is nothing but 0 and 255 (or, in other files, 1), the second of
/// two.
struct FoundClasses {
    ClassFile file;
    bool colours = false;             ///< label maps are these, not ids
    std::filesystem::path with_void;  ///< the first that holds the 255 that is taken as void; empty: none does
    std::filesystem::path with_many;  ///< that with most ids, where they are so many as of a mask resized smoothly
    std::size_t most_ids = 0;         ///< in one label map
};
/// Throws Error for files that cannot be read, mix ids and colours, or have so many values that they are no label maps.
FoundClasses found_classes(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& labels);

/// Whether a table is one of found_classes(), of now or of a checkpoint.
bool is_found(const ClassTable& table);
/// A network's table of found_classes() for label maps in which `found` is found: its ids are those in its names.
/// Throws Error where it was trained on ids and these are colours.
ClassFile found_again(const ClassTable& network, const FoundClasses& found, const std::filesystem::path& folder);

/// Label maps that tell two classes apart, as tools write them: 0 and 1, or 0 and 255.
struct BinaryLabels {
    std::size_t with_1 = 0, with_255 = 0;  ///< files that hold the one or the other
    bool others = false;                   ///< some hold more, or both
    /// Whether 255 is written for the second class.
    bool of_255() const { return with_255 > 0 && !others; }
};
/// Files that cannot be read are passed over.
BinaryLabels binary_labels(const std::vector<std::filesystem::path>& labels);

/// The ids in grey and palette files; those that cannot be read are passed over.
std::set<int> stored_ids(const std::vector<std::filesystem::path>& labels);

}  // namespace camber
