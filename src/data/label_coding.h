#pragma once
#include <camber/data_folder.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/class_file.h"
#include "io/label_file.h"

namespace camber {

/// How what is stored in label maps becomes the ids of a class table.
class LabelCoding {
  public:
    /// As `file` says. Throws Error where two classes claim an id.
    explicit LabelCoding(const ClassFile& file);

    /// Has every class c become to[c], `void_id` of `target` for the old void where that was no class.
    void regroup(const std::vector<int>& to, const ClassTable& target);
    /// Has a stored id become a class. A colour's is that of its class in the file that the coding is made from: the
    /// "ids" that this says, else the class's own.
    void map(int stored, int to);
    /// Whether a colour is that of a class stored as this.
    bool has_colour(int stored) const;
    /// Whether pixels of the colour are void, and of no class.
    bool is_void_colour(const Rgb& colour) const;
    /// What a stored id is; -1 where it is no class.
    int class_of(int stored) const { return ids_[static_cast<std::size_t>(stored)]; }
    /// The values of a label map that are no class, "7" or "128 64 128", and how many pixels have each.
    std::map<std::string, std::size_t> unknown_in(const LabelFile& stored) const;
    /// Whether a stored id becomes void.
    bool is_void(int stored) const { return ids_[static_cast<std::size_t>(stored)] == classes_.void_id; }
    void set_unknown_void(bool unknown_void) { unknown_void_ = unknown_void; }
    /// Palettes are looked up as colours: formats in which the index means nothing.
    void set_palette_colours(bool colours) { palette_colours_ = colours; }

    /// Throws Error that names `file`, the place of the first value that no class has, how many there are, and the
    /// class that is nearest.
    Image decode(const std::string& file, const LabelFile& stored) const;

    /// Whether an index of a palette has the colour of another class than it is, and whether that of all indices is
    /// surely what is meant: every colour is a class's, and every class's is there.
    struct PaletteDoubt {
        int index = -1;  ///< the first; -1: none
        bool sure = false;
    };
    PaletteDoubt doubt(const LabelFile& stored) const;
    /// "index 3 is 128 64 128, the colour of Road, but as an id it is Sky".
    std::string described(const PaletteDoubt& doubt, const LabelFile& stored) const;

  private:
    static constexpr std::int16_t unknown = -1;
    struct Colour {
        std::vector<int> stored;  ///< ids that label maps have for its class
        std::int16_t now = 0;     ///< id of now
        bool ambiguous = false;   ///< two classes have it
    };
    static std::uint32_t key(const std::uint8_t* rgb) {
        return static_cast<std::uint32_t>(rgb[0]) << 16 | static_cast<std::uint32_t>(rgb[1]) << 8 | rgb[2];
    }
    void add_colour(const Rgb& colour, int id, const std::vector<int>& stored, bool meant);
    Image decode_ids(const std::string& file, const LabelFile& stored) const;
    Image decode_colours(const std::string& file, const Image& colours) const;
    [[noreturn]] void refuse_ids(const std::string& file, const LabelFile& stored, std::size_t first) const;
    [[noreturn]] void refuse_colours(const std::string& file, const Image& colours, std::size_t first) const;

    ClassTable classes_;
    std::vector<std::int16_t> ids_;  ///< of every stored value
    std::unordered_map<std::uint32_t, Colour> colours_;
    bool unknown_void_ = false, palette_colours_ = false, says_colours_ = true;
};

/// How classes become those of another table.
struct ClassMapping {
    std::vector<int> to;               ///< of each class; void's id where the other has nothing for it
    std::vector<std::string> dropped;  ///< the names of those
    std::vector<std::string> unmade;   ///< names of the other's classes that nothing becomes
};
/// By the names that `target` says its classes are made from, by its own names (spelt alike, else in any case), or by
/// CamVid's published mapping. Throws Error where no class of one is among the other's, and for one that two are made
/// from.
ClassMapping mapping_between(const ClassTable& own, const ClassFile& target);
/// Whether any of the classes of `target` has a name of one of `own`, or any says what it is made from.
bool shares_names(const ClassTable& own, const ClassFile& target);
/// Whether classes say what they are made from.
bool says_from(const ClassFile& target);

/// Applies "255=void,7=3,9=Road", and gives the stored ids that it names. Throws UsageError for what does not read so
/// or names one twice.
std::set<int> apply_map(const std::string& text, const ClassTable& classes, LabelCoding& coding);

}  // namespace camber
