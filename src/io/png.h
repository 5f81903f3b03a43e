#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "io/image.h"

namespace camber {

/// Of IHDR (ISO/IEC 15948, 11.2.2).
enum class PngType : std::uint8_t { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgba = 6 };

struct PngHeader : PictureHeader {
    int bits = 8;  ///< of a sample: 1, 2, 4, 8 or 16
    PngType type = PngType::grey;
    std::vector<Rgb> palette;  ///< of PngType::palette
};

/// Reads the chunks of a PNG to its end, without making pixels of it: not every decoder looks at checksums, or notices
/// that the last chunks are missing. Throws an Error that begins with `name` where the file is cut short, damaged, or
/// of a kind that the format does not have.
PngHeader check_png(const std::string& name, std::span<const std::uint8_t> bytes);

}  // namespace camber
