#pragma once
#include <camber/image.h>

#include <cstdint>
#include <vector>

namespace camber {

/// The bytes of `image` as a PNG file.
std::vector<std::uint8_t> encode_png(const Image& image);

}  // namespace camber
