#pragma once
#include <camber/image.h>

#include <cstddef>
#include <cstdint>

namespace camber::c_interface {

/// A copy of a caller's pixels, whose rows begin `row_bytes` apart (0: without gaps). Throws StatusError for what
/// cannot be a picture.
Image picture_of(const std::uint8_t* pixels, int height, int width, int channels, std::size_t row_bytes);

}  // namespace camber::c_interface
