#pragma once
#include <camber/data_folder.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace camber::testing {

/// A small copy of how a dataset lies in a folder, its frames and labels generated scenes of 48x64.
struct LayoutFolder {
    const char* layout;
    std::function<void(const std::filesystem::path&)> write;
    std::vector<std::string> splits;
    std::vector<std::size_t> frames;  ///< of each split
    int classes = 0;
    std::string unlabelled;  ///< a split whose frames have no label maps
};
/// One of each layout, of some several.
const std::vector<LayoutFolder>& layout_folders();

/// A scene's labels as ids of CamVid's 32.
Image labels_of_32(const Image& labels_of_11);
/// Each id in its colour.
Image in_colours(const Image& label, const ClassTable& classes);
/// A PNG with a palette, of 8 bits; the colours are VOC's but for the first.
void write_palette_png(const std::filesystem::path& file, const Image& ids, const Rgb& first = {0, 0, 0});

}  // namespace camber::testing
