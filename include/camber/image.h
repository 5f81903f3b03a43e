#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace camber {

using Rgb = std::array<std::uint8_t, 3>;

/// A u8 picture in host memory, rows from the top, `[height, width, channels]` contiguous. Three channels are RGB, four
/// RGBA; one is grey, or a label map (a class id per pixel).
struct Image {
    int height = 0;
    int width = 0;
    int channels = 3;
    std::vector<std::uint8_t> data;

    Image() = default;
    /// Zero-filled.
    Image(int height, int width, int channels);

    bool empty() const { return data.empty(); }
    std::size_t pixels() const { return static_cast<std::size_t>(height) * static_cast<std::size_t>(width); }
    std::uint8_t* at(int row, int column) {
        return data.data() +
               (static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column)) *
                   static_cast<std::size_t>(channels);
    }
    const std::uint8_t* at(int row, int column) const { return const_cast<Image*>(this)->at(row, column); }
    bool operator==(const Image&) const = default;
};

/// Decodes a PNG or JPEG file to `channels`: 3 (RGB: grey is repeated, alpha dropped), 1 (grey, see with_channels) or 4
/// (RGBA, opaque where there is no alpha); upright: turned as its Exif orientation says, of a PNG's eXIf too. Throws
/// Error naming the file when it is missing, not an image, larger than 2^28 pixels, or cut short (decoders would fill
/// the missing rows with grey).
Image read_image(const std::filesystem::path& file, int channels = 3);

/// Decodes a PNG of class ids, grey or with a palette, as a label map, one channel. Throws Error as read_image does,
/// for colours, and for an id above 255.
Image read_label(const std::filesystem::path& file);

/// Writes a PNG (1 or 3 channels) beside `file`, syncs it and renames it into place, so that no half-written file is
/// ever seen. Throws Error naming the file and the reason (for example no space left on the device).
void write_png(const std::filesystem::path& file, const Image& image);

/// Whether pictures have so many channels: 1 (grey), 3 (RGB) or 4 (RGBA).
constexpr bool is_picture_channels(int channels) { return channels == 1 || channels == 3 || channels == 4; }

/// A picture of 1, 3 or 4 channels in 1, 3 or 4: grey is Rec. 601's luma rounded as Pillow's "L", (19595 R + 38470 G +
/// 7471 B + 32768) / 65536; alpha is dropped, or 255 where there was none.
Image with_channels(const Image& image, int channels);

/// Resizes by averaging the source area under each output pixel when shrinking, bilinear with half-pixel centres when
/// enlarging. Any channel count. The same size gives an exact copy.
Image resize_area(const Image& image, int height, int width);
/// Resizes by taking the source pixel under each output pixel's centre; for labels, since it never makes a new id.
Image resize_nearest(const Image& image, int height, int width);

}  // namespace camber
