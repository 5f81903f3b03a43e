#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace camber {

/// A frame and its label map on disk, and where they were named, for messages ("train.txt line 3" or "train/").
struct SamplePaths {
    std::filesystem::path image, label;
    std::string origin;
};

/// The pairs of a split, in list order, existence checked. Throws Error as Dataset::open documents.
std::vector<SamplePaths> list_samples(const std::filesystem::path& folder, const std::string& split);

}  // namespace camber
