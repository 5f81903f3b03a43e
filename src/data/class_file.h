#pragma once
#include <camber/class_table.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace camber {

/// What is stored in label maps for a class, beside its own id and colour.
struct ClassSource {
    static constexpr int no_id = -1;
    std::vector<int> ids;            ///< in place of its position; empty: that; of no_id alone: none
    std::vector<Rgb> colours;        ///< beside the table's
    std::vector<std::string> names;  ///< of another table's classes that become it
};

/// A class table, and how label maps spell it.
struct ClassFile {
    ClassTable table;
    std::vector<ClassSource> sources;  ///< of each class, then of void; empty: ids are positions
    bool says_void = true;             ///< whether void is in the file, not assumed
    bool says_colours = true;          ///< likewise the colours

    bool says_void_colour = false;  ///< whether void's colour is meant, not only there
    std::string where = {};         ///< the file; empty: none

    /// The entry of a class, or of void where `id` is count().
    ClassSource& source(int id) {
        sources.resize(static_cast<std::size_t>(table.count()) + 1);
        return sources[static_cast<std::size_t>(id)];
    }
};

/// #804080, #888, 0x804080, or "(128, 64, 128)"; none of what is no colour.
std::optional<Rgb> colour_of_text(const std::string& text);

/// Whether label maps of one mean what those of the other do.
bool says_the_same(const ClassFile& one, const ClassFile& other);

/// Whether a class of this name is void: Void, Unlabelled, ignore and the like.
bool is_void_name(const std::string& name);

/// A table of a file, by its content: JSON as read_class_table() takes, whose classes may have "ids", "colours" and
/// "from" (names) besides, and no other keys; else a class a line: a name, an id or a colour (r,g,b or #rrggbb) or both
/// beside it, between commas, semicolons, tabs or blanks, or as "0: road", "road=2" and CVAT's "road:128,64,128::". A
/// header says what columns are; without one the number alone, or on the name's other side than the colour, is the id.
/// # begins a comment. A class called Void, Unlabelled or the like is void: the last one, or where there are several,
/// no class of the network. Throws Error naming file and line for what is not surely one of these.
ClassFile read_class_file(const std::filesystem::path& file);

/// The first of classes.json, classes.csv, classes.txt, class_dict.csv, label_colors.txt, codes.txt, class_names.txt
/// (labelme2voc), labelmap.txt (CVAT) and labels.txt in `folder`, in any case; empty where there is none. Throws Error
/// where two differ in case alone.
std::filesystem::path find_class_file(const std::filesystem::path& folder);

}  // namespace camber
