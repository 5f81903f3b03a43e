#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "io/image.h"

namespace camber {

/// Reads a JPEG to its end, codes of its scans included, without making pixels of it: what decodes it fills what is
/// missing with grey, and takes tables that the file does not have from memory that nobody set. Throws an Error that
/// begins with `name` where the file or one of its scans is cut short, damaged, or of a kind that is not decoded
/// (ITU-T T.81: sequential and progressive Huffman coding are).
PictureHeader check_jpeg(const std::string& name, std::span<const std::uint8_t> bytes);
/// As check_jpeg but for the codes, for a decoder that notices when they are missing or damaged.
PictureHeader check_jpeg_segments(const std::string& name, std::span<const std::uint8_t> bytes);

/// As check_jpeg, but reads to the frame header alone, which says the size.
PictureHeader jpeg_header(const std::string& name, std::span<const std::uint8_t> bytes);

}  // namespace camber
