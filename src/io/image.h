#pragma once
#include <camber/image.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace camber {

struct PictureHeader {
    std::int64_t height = 0, width = 0;  ///< as stored
    int orientation = 1;                 ///< Exif's
};

struct PictureSize {
    int height = 0, width = 0;  ///< upright
    bool shrinks = false;       ///< whether read_image() would decode it smaller
    int orientation = 1;        ///< Exif's, that it is turned by
};
/// What a file says of its picture, read without its pixels and unchecked where it can be: damage is told by what
/// decodes it. Throws Error as read_image does.
PictureSize read_picture_size(const std::filesystem::path& file);
/// As read_image, at 1 / `shrink` of the size, rounded up, where `shrink` (1, 2, 4 or 8) is 1 or the picture shrinks;
/// `as_stored`: not turned.
Image read_image(const std::filesystem::path& file, int channels, int shrink, bool as_stored = false);

/// Throws an Error that begins with `name` where a picture has no pixels, or more than can be read.
void check_pixels(const std::string& name, std::int64_t height, std::int64_t width);

/// The bytes of `image` as a PNG file.
std::vector<std::uint8_t> encode_png(const Image& image);
/// As a JPEG file, of 1 to 100 in quality.
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality);

}  // namespace camber
