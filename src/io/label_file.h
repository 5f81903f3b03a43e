#pragma once
#include <camber/image.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace camber {

/// A label map's file as it is stored, upright: palettes are not expanded, nothing is rounded.
struct LabelFile {
    enum class Kind { grey, palette, colour };

    Kind kind = Kind::grey;
    int bits = 8;  ///< of a stored sample: 1, 2, 4, 8 or 16
    int height = 0, width = 0;
    /// [height, width]: the values of a grey file (of 2 and 4 bits spread over 0 .. 255, times 85 and 17, as Pillow and
    /// OpenCV read them; of 1 bit 0 and 1), the indices of one with a palette. Empty for colours.
    std::vector<std::uint16_t> ids;
    Image colours;             ///< RGB or RGBA of `colour`, else empty
    std::vector<Rgb> palette;  ///< of `palette`: the colour of each index
};

/// Reads a PNG of class ids or colours. The alpha of a grey one is left out. Throws Error naming the file as read_image
/// does, and for a JPEG, whose colours are not exact, and colours of 16 bits a channel, which no table has.
LabelFile read_label_file(const std::filesystem::path& file);

}  // namespace camber
