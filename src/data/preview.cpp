#include "data/preview.h"

#include <camber/error.h>
#include <camber/label_picture.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "data/glyphs.h"
#include "io/atomic_file.h"
#include "io/crc.h"
#include "io/image.h"

namespace camber {
namespace {

constexpr int gap = 4, scale = 2, line_height = (glyph_height + 2) * scale, cell_width = 200;
constexpr Rgb ink = {0, 0, 0}, faint = {170, 170, 170};

constexpr int after_header = 33;  ///< of a PNG: its signature and IHDR

/// A PNG's tEXt chunk (ISO/IEC 15948, 11.3.4.3).
std::string made_by() {
    const std::string body = std::string("tEXtSoftware") + '\0' + "camber data preview";
    const auto big_endian = [](std::size_t value) {
        std::string bytes;
        for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 255);
        return bytes;
    };
    return big_endian(body.size() - 4) + body + big_endian(crc32(body.data(), body.size()));
}

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

void write_sheet(const std::filesystem::path& file, const Image& sheet) {
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(file, error)) && !is_sheet(file))
        fail("{}: exists, and is no sheet of a preview: choose another name, or remove it first", file.string());
    const std::vector<std::uint8_t> bytes = encode_png(sheet);
    AtomicFile out(file);
    out.write(bytes.data(), after_header);
    out.write(made_by());
    out.write(&bytes[after_header], bytes.size() - after_header);
    out.commit();
}

bool is_sheet(const std::filesystem::path& file) {
    const std::string wanted = made_by();
    std::string found(wanted.size(), '\0');
    std::ifstream in(file, std::ios::binary);
    return in.seekg(after_header) && in.read(found.data(), static_cast<std::streamsize>(found.size())) &&
           found == wanted;
}

}  // namespace camber
