#pragma once
#include <camber/picture_rows.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/png.h"

namespace camber {

/// What makes pixels of a file that check_png or check_for_decoder has read to its end: libpng and libjpeg-turbo in a
/// build that has them, else stb_image, each in a file of its own. PNGs decode to the same values with either, JPEGs to
/// values that differ by what T.81 leaves open. Nothing is turned. All throw an Error that begins with `name` where the
/// compressed data is damaged, and std::bad_alloc.

/// As `channels` of 8 bits, 3 (RGB) or 4 (RGBA): grey is repeated, palettes are looked up, of 16 bits the upper 8 are
/// taken, a picture without alpha is opaque.
Image decode_png(const std::string& name, std::span<const std::uint8_t> bytes, const PngHeader& header, int channels);
/// The samples of a PNG of type grey, grey_alpha (without its alpha) or palette as stored, [height, width].
std::vector<std::uint16_t> decode_png_ids(const std::string& name, std::span<const std::uint8_t> bytes,
                                          const PngHeader& header);
/// As RGB; CMYK without a colour profile: each channel times black. With `shrink` 2, 4 or 8 of 1 / shrink of the size,
/// rounded up, where jpeg_decoder_shrinks(), else of its own size. Takes `bytes`; libjpeg decodes as rows are
/// read.
std::unique_ptr<PictureRows> jpeg_rows(const std::string& name, std::vector<std::uint8_t> bytes,
                                       const PictureHeader& header, int shrink);
/// As decode_png(), of a file that nobody has checked: checksums are compared as it is read. Null where that would
/// spare no memory: of an interlaced picture, and with stb_image.
std::unique_ptr<PictureRows> png_rows(const std::filesystem::path& file, int channels);
bool jpeg_decoder_shrinks();
/// check_jpeg(), or as much of it as jpeg_rows() leaves to be checked.
PictureHeader check_for_decoder(const std::string& name, std::span<const std::uint8_t> jpeg);

[[noreturn]] void fail_compressed(const std::string& name);
[[noreturn]] void fail_subsampling(const std::string& name);

}  // namespace camber
