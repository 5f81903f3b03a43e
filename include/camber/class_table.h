#pragma once
#include <camber/image.h>

#include <filesystem>
#include <string>
#include <vector>

namespace camber {

/// What the ids of a label map mean. Class ids are 0 .. count() - 1; `void_id` marks pixels that losses and metrics
/// ignore.
struct ClassTable {
    std::string name;                ///< of the table, for example "camvid11"
    std::vector<std::string> names;  ///< one per class, void not included
    std::vector<Rgb> colours;        ///< one per class
    int void_id = 255;
    std::string void_name = "Unlabelled";
    Rgb void_colour = {0, 0, 0};

    int count() const { return static_cast<int>(names.size()); }
    bool valid(int id) const { return (id >= 0 && id < count()) || id == void_id; }
    /// The name or colour of a class or of void; "?" and white for any other id.
    const std::string& name_of(int id) const;
    Rgb colour_of(int id) const;
};

/// CamVid's 11 classes in SegNet's order and colours; void is 11.
const ClassTable& camvid11();
/// What the classes of a network are called where nothing says it: class0, class1, ... in PASCAL VOC's colours; void
/// is 255.
ClassTable numbered_classes(int count);
/// Reads a table from JSON: {"name", "classes": [{"name", "colour": [r, g, b]}, ...], "void": {"id", "name",
/// "colour"}}.
ClassTable read_class_table(const std::filesystem::path& file);
/// The same from text; `source` names it in errors.
ClassTable parse_class_table(const std::string& text, const std::string& source);
/// The JSON that read_class_table reads, with a newline at the end.
std::string class_table_json(const ClassTable& table);

}  // namespace camber
