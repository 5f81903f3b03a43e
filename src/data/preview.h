#pragma once
#include <camber/class_table.h>
#include <camber/image.h>

#include <filesystem>
#include <string>
#include <vector>

namespace camber {

/// A frame of a sheet; without a label map the picture alone is shown.
struct PreviewRow {
    std::string caption;
    Image image, label;
};

/// One picture: a row a frame, picture | class colours | both, each at most `width` wide; above each row its caption,
/// below all a legend of the classes that occur in the rows and, in grey, those that do not.
Image preview_sheet(const std::vector<PreviewRow>& rows, const ClassTable& classes, int width);

/// Writes a sheet as a PNG that says by what it was made. Throws Error for a file that exists and is no sheet.
void write_sheet(const std::filesystem::path& file, const Image& sheet);
/// Whether write_sheet() made a file.
bool is_sheet(const std::filesystem::path& file);

/// Writes text (ASCII; else ?) into an RGB picture, its upper left corner at row, column; 7 pixels high times `scale`.
/// What lies outside is left out.
void draw_text(Image& image, int row, int column, const std::string& text, Rgb colour, int scale = 2);

}  // namespace camber
