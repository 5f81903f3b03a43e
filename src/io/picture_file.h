#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/png.h"

namespace camber {

enum class PictureFormat { png, jpeg, unknown };
/// By a file's first bytes.
PictureFormat picture_format(std::span<const std::uint8_t> bytes);
PictureFormat picture_format(const std::filesystem::path& file);

/// A file that was read to its end and found whole.
struct PictureFile {
    std::string name;
    std::vector<std::uint8_t> bytes;
    PictureFormat format;
    PngHeader header;  ///< of a JPEG the part that both have
};
/// Throws Error where it is no picture, or one that is damaged as far as can be seen without making pixels of it.
PictureFile read_picture_file(const std::filesystem::path& file);

}  // namespace camber
