#pragma once
#include <camber/image.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace camber {

struct Point {
    double x = 0, y = 0;  ///< pixels from the upper left corner
};
using Ring = std::vector<Point>;

/// Part of a picture, pixels.
struct Window {
    int left = 0, top = 0, width = 0, height = 0;
};

/// Something drawn: the inside of rings, or run lengths.
struct Shape2d {
    int class_id = 0;
    std::vector<Ring> rings;          ///< each is filled
    std::vector<std::uint32_t> runs;  ///< lengths of outside and inside in turn
    double area = 0;
    /// CVAT's: the runs go through this, row by row. None, COCO's: through the picture, column by column.
    std::optional<Window> window = {};
};

/// A frame of an export.
struct DrawnFrame {
    std::filesystem::path image;
    int height = 0, width = 0;    ///< as the export says; 0: it does not
    std::vector<Shape2d> shapes;  ///< in the order in which they are painted
    /// LabelMe's own file of the frame, beside which a picture of its name may lie.
    std::filesystem::path file = {};
};

/// What an export holds. Class ids are positions in `classes`, from 0 for the background; void_class is void's.
struct Export {
    static constexpr int void_class = 255;
    std::vector<std::string> classes = {"background"};
    std::vector<DrawnFrame> frames;
    std::map<int, Rgb> colours = {};  ///< of classes that the export gives one

    /// The id of a class, which is added where it is new; void_class for a name that is void's. Throws Error, naming
    /// `where`, beyond 255 classes.
    int class_id(const std::string& name, const std::string& where);
};

double area_of(const Ring& ring);
/// Throws Error, naming `where`, for a polygon of fewer than three points.
void check_polygon(const Ring& ring, const std::string& where);
/// The points turned about `centre`, clockwise as the picture is seen.
Ring turned(Ring ring, Point centre, double degrees);
/// A polygon of 128 corners on the ellipse of these half axes.
Ring ellipse(Point centre, double x_radius, double y_radius);
/// The id 0 with the shapes painted over: a pixel is in a ring when its centre is (even-odd). Throws Error, naming
/// `where`, for run lengths that are not those of the picture.
Image paint(const std::vector<Shape2d>& shapes, int height, int width, const std::string& where);

/// The readers.
Export read_coco(const std::filesystem::path& file);
Export read_labelme(const std::vector<std::filesystem::path>& files);
Export read_cvat(const std::filesystem::path& file);

}  // namespace camber
