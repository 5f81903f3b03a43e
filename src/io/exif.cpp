#include "io/exif.h"

#include <cstring>

namespace camber {

int exif_orientation(std::span<const std::uint8_t> tiff) {
    if (tiff.size() < 8) return 1;
    const bool little = tiff[0] == 'I' && tiff[1] == 'I';
    if (!little && !(tiff[0] == 'M' && tiff[1] == 'M')) return 1;
    const auto number = [&](std::size_t at, std::size_t bytes) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | tiff[at + (little ? bytes - 1 - i : i)];
        return value;
    };
    constexpr std::uint32_t magic = 42, orientation = 0x0112, short_type = 3;
    constexpr std::size_t entry_bytes = 12;
    const std::size_t directory = number(4, 4);
    if (number(2, 2) != magic || directory > tiff.size() - 2) return 1;
    const std::size_t fit = (tiff.size() - directory - 2) / entry_bytes;
    const std::size_t count = std::min<std::size_t>(number(directory, 2), fit);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = directory + 2 + i * entry_bytes;
        if (number(entry, 2) != orientation) continue;
        const std::uint32_t value = number(entry + 8, 2);
        return number(entry + 2, 2) == short_type && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

Image turned_upright(Image stored, int orientation) {
    if (orientation <= 1 || orientation > 8) return stored;
    const bool transposed = orientation >= 5;
    const int height = transposed ? stored.width : stored.height, width = transposed ? stored.height : stored.width;
    // Of the stored picture: whether its rows run upwards and its columns leftwards as the upright one is read.
    const bool rows_back = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    const bool columns_back = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    Image upright(height, width, stored.channels);
    const auto channels = static_cast<std::size_t>(stored.channels);
    for (int y = 0; y < height; ++y) {
        std::uint8_t* to = upright.at(y, 0);
        for (int x = 0; x < width; ++x, to += channels) {
            // Orientations 5 to 8 store columns as rows.
            int row = transposed ? x : y, column = transposed ? y : x;
            if (transposed ? columns_back : rows_back) row = stored.height - 1 - row;
            if (transposed ? rows_back : columns_back) column = stored.width - 1 - column;
            std::memcpy(to, stored.at(row, column), channels);
        }
    }
    return upright;
}

}  // namespace camber
