#pragma once
#include <camber/image.h>

#include <filesystem>
#include <string>
#include <vector>

namespace camber {

/// What the ids of a label map mean. Class ids are 0 .. count() - 1; `void_id` marks pixels that losses and metrics
/// ignore: past the classes, or one of them where a published table has a class for it (CamVid's 32).
struct ClassTable {
    std::string name;                ///< of the table, for example "camvid11"
    std::vector<std::string> names;  ///< one per class, void not included
    std::vector<Rgb> colours;        ///< one per class
    int void_id = 255;
    std::string void_name = "Unlabelled";
    Rgb void_colour = {0, 0, 0};

    int count() const { return static_cast<int>(names.size()); }
    /// Whether void is one of the classes.
    bool void_is_class() const { return void_id >= 0 && void_id < count(); }
    bool valid(int id) const { return (id >= 0 && id < count()) || id == void_id; }
    /// The name or colour of a class or of void; "?" and white for any other id.
    const std::string& name_of(int id) const;
    Rgb colour_of(int id) const;
};

/// CamVid's 11 classes in SegNet's order and colours; void is 11.
const ClassTable& camvid11();
/// CamVid's 32 classes in alphabetical order, as Kaggle's class_dict.csv and fastai's codes.txt have them; void is one.
const ClassTable& camvid32();
/// The 19 training classes of Cityscapes (cityscapesScripts, helpers/labels.py); void is 255.
const ClassTable& cityscapes19();
/// Pascal VOC's background and 20 objects; void is 255.
const ClassTable& voc21();
/// camvid11, camvid32, cityscapes and voc.
std::vector<std::string> known_class_tables();
/// One of those; null for another name.
const ClassTable* known_classes(const std::string& name);
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
