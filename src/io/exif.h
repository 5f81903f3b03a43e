#pragma once
#include <camber/image.h>

#include <cstdint>
#include <span>

namespace camber {

/// The orientation of a block of Exif that begins with its TIFF header: 1 to 8 (Exif 2.32, tag 0x0112); 1, upright,
/// where it has none or is damaged.
int exif_orientation(std::span<const std::uint8_t> tiff);
/// What an upright viewer sees of a picture stored with `orientation`.
Image turned_upright(Image stored, int orientation);

}  // namespace camber
