#include "data/preview.h"

#include <camber/error.h>
#include <camber/label_picture.h>

#include <algorithm>
#include <set>

#include "data/glyphs.h"

namespace camber {
namespace {

constexpr int gap = 4, scale = 2, line_height = (glyph_height + 2) * scale, cell_width = 200;
constexpr Rgb ink = {0, 0, 0}, faint = {170, 170, 170};

void paste(Image& sheet, const Image& picture, int row, int column) {
    for (int y = 0; y < picture.height; ++y)
        std::copy_n(picture.at(y, 0), picture.width * 3, sheet.at(row + y, column));
}

void fill(Image& image, int row, int column, int height, int width, Rgb colour) {
    for (int y = row; y < std::min(row + height, image.height); ++y)
        for (int x = column; x < std::min(column + width, image.width); ++x)
            std::copy_n(colour.data(), 3, image.at(y, x));
}

/// A row's three pictures, scaled down to `width`.
std::vector<Image> panels(const PreviewRow& row, const ClassTable& classes, int width) {
    const int wide = std::min(width, row.image.width);
    const auto high =
        static_cast<int>(std::max<std::int64_t>(1, std::int64_t{row.image.height} * wide / row.image.width));
    const Image image = resize_area(row.image, high, wide);
    if (row.label.empty()) return {image};
    const Image label = resize_nearest(row.label, high, wide);
    return {image, colour_labels(label, classes), overlay_labels(image, label, classes)};
}

}  // namespace

void draw_text(Image& image, int row, int column, const std::string& text, Rgb colour, int scale) {
    for (const char c : text) {
        const auto* glyph = glyphs[(c >= ' ' && c <= '~' ? c : '?') - ' '];
        for (int x = 0; x < glyph_width; ++x) {
            for (int y = 0; y < glyph_height; ++y) {
                const int top = row + y * scale, left = column + x * scale;
                if (glyph[x] >> y & 1 && top >= 0 && left >= 0) fill(image, top, left, scale, scale, colour);
            }
        }
        column += (glyph_width + 1) * scale;
    }
}

Image preview_sheet(const std::vector<PreviewRow>& rows, const ClassTable& classes, int width) {
    if (rows.empty()) fail("there is no frame to show");
    std::vector<std::vector<Image>> pictures;
    int height = gap, widest = cell_width + 2 * gap;
    std::set<int> present;
    for (const PreviewRow& row : rows) {
        pictures.push_back(panels(row, classes, width));
        const std::vector<Image>& made = pictures.back();
        height += line_height + made[0].height + gap;
        widest = std::max(widest, gap + static_cast<int>(made.size()) * (made[0].width + gap));
        present.insert(row.label.data.begin(), row.label.data.end());
    }
    std::vector<int> ids;
    for (int id = 0; id < classes.count(); ++id) ids.push_back(id);
    if (!classes.void_is_class()) ids.push_back(classes.void_id);
    const int columns = std::max(1, (widest - gap) / cell_width);
    const int lines = (static_cast<int>(ids.size()) + columns - 1) / columns;
    Image sheet(height + lines * line_height + gap, widest, 3);
    std::fill(sheet.data.begin(), sheet.data.end(), std::uint8_t{255});
    int top = gap;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        draw_text(sheet, top, gap, rows[i].caption, ink, scale);
        top += line_height;
        for (std::size_t p = 0; p < pictures[i].size(); ++p)
            paste(sheet, pictures[i][p], top, gap + static_cast<int>(p) * (pictures[i][p].width + gap));
        top += pictures[i][0].height + gap;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const int row = top + static_cast<int>(i) / columns * line_height,
                  column = gap + static_cast<int>(i) % columns * cell_width, box = glyph_height * scale;
        fill(sheet, row - 1, column, box, box, {0, 0, 0});
        fill(sheet, row, column + 1, box - 2, box - 2, classes.colour_of(ids[i]));
        constexpr std::size_t most_letters = 14;
        draw_text(sheet, row, column + box + gap, classes.name_of(ids[i]).substr(0, most_letters),
                  present.contains(ids[i]) ? ink : faint, scale);
    }
    return sheet;
}

}  // namespace camber
