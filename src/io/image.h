#pragma once
#include <camber/image.h>

#include <cstdint>
#include <string>
#include <vector>

namespace camber {

struct PictureHeader {
    std::int64_t height = 0, width = 0;  ///< as stored
    int orientation = 1;                 ///< Exif's
};

/// Throws an Error that begins with `name` where a picture has no pixels, or more than can be read.
void check_pixels(const std::string& name, std::int64_t height, std::int64_t width);

/// The bytes of `image` as a PNG file.
std::vector<std::uint8_t> encode_png(const Image& image);

}  // namespace camber
