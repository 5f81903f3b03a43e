#pragma once
#include <camber/image.h>

#include <cstdint>
#include <filesystem>
#include <span>

namespace camber {

/// The bytes of `image` as a PNG file.
std::vector<std::uint8_t> encode_png(const Image& image);

/// Writes `bytes` to a file beside `file`, syncs it and renames it into place; on failure removes it and throws Error
/// naming `file` and the system's reason.
void write_bytes_atomically(const std::filesystem::path& file, std::span<const std::uint8_t> bytes);

}  // namespace camber
