#pragma once
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/layouts/layout.h"
#include "data/picture_index.h"

namespace camber {

/// Finds the label map of a frame by its name: in the same place below the folder of labels, with the same stem or one
/// of the usual suffixes after it (NAME_mask, NAME_L, NAME_labelIds and the like). Where there is none, one whose name
/// differs in case, or has such a word before it (mask_1 of image_1).
class Pairing {
  public:
    /// An empty `labels`: there are none. The folder of pictures itself: they are NAME_mask beside NAME.
    Pairing(const std::filesystem::path& images, const std::filesystem::path& labels);

    /// Empty where there is none.
    std::filesystem::path label_of(const std::filesystem::path& image) const;
    /// Every picture below `images`, sorted. Throws Error where there is none.
    std::vector<SamplePaths> samples() const;
    /// The same, with or without a label map; and every label map.
    std::vector<std::filesystem::path> pictures() const;
    std::vector<std::filesystem::path> label_maps() const;

  private:
    std::filesystem::path images_, labels_;
    using Files = std::unordered_map<std::string, std::filesystem::path>;
    Files by_stem_;    ///< relative to labels_, without extension
    Files by_folded_;  ///< of stems that differ from a picture's in case, or in a word before; empty: of several files
};

/// The pictures below `folder` that are masks of others: NAME_mask beside NAME.
std::vector<std::filesystem::path> masks_beside(const std::filesystem::path& folder);

/// What a list gives a name alone for.
struct ListedFolders {
    std::filesystem::path folder;          ///< that other names are relative to
    std::filesystem::path images, labels;  ///< of names alone
};

/// The frames that a list names, a line each: "image label", or the image alone, whose label map is found by name.
/// Throws Error, naming the line, for what is malformed or not there, and for a list of nothing.
std::vector<SamplePaths> listed_samples(const std::filesystem::path& list, const ListedFolders& folders);

}  // namespace camber
