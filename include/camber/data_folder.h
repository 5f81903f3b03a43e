#pragma once
#include <camber/class_table.h>
#include <camber/dataset.h>
#include <camber/names.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A dataset on disk, in whatever layout it was downloaded or made: docs/datasets.md.
namespace camber {

/// What becomes of a label that the class table does not have.
enum class UnknownLabels { refuse, as_void };
template <>
inline constexpr std::array enum_names<UnknownLabels> = {"refuse", "void"};

/// What is known of a dataset's folder beside what lies in it.
struct FolderOptions {
    std::string layout;  ///< a name of data_layouts(); empty: recognised by looking
    /// A table of known_classes(), or a file as read_class_file() takes: the classes in place of the folder's. Where
    /// the folder says what its labels are, its classes become these by name.
    std::string classes;
    std::string map;  ///< "255=void,7=3,9=Road": stored ids, and the class each becomes; empty: none
    /// The folder that a checkpoint's `map` was given for: of another, it may be wrong. Empty: it is given for this.
    std::string map_of = {};
    UnknownLabels unknown = UnknownLabels::refuse;
    /// Of the frames for validation, drawn by the hash of their names, where the folder has no such split; 0: a fifth
    /// where it has no splits at all, else none.
    double val_fraction = 0;
    /// What the ids are where neither the folder nor `classes` says it: those of a checkpoint.
    std::optional<ClassTable> otherwise;
};

/// A frame and its label map on disk, and where they were named, for messages ("train.txt line 3" or "train/").
struct SamplePaths {
    std::filesystem::path image;
    std::filesystem::path label;  ///< empty: it has none
    std::string origin;
};

struct LayoutInfo {
    const char* name;
    const char* what;
};
/// The layouts that are recognised, in the order in which they are tried.
std::vector<LayoutInfo> data_layouts();

class Layout;
class LabelCoding;
struct ClassFile;

/// A folder whose layout is known.
class DataFolder {
  public:
    /// Throws Error, one line: no such folder, no layout that fits, a class table that cannot be read. Throws
    /// UsageError for a layout, class table or map that there is not. Label maps are read where nothing else says what
    /// ids there are or how two classes are stored, and some for their palettes.
    static DataFolder open(const std::filesystem::path& folder, const FolderOptions& options = {});
    /// As open(), but for what labels mean: to list frames. classes() is empty, and no label can be read.
    static DataFolder look(const std::filesystem::path& folder, const FolderOptions& options = {});
    /// Whether `folder` itself is of a layout that is known.
    static bool recognises(const std::filesystem::path& folder);
    /// `folder`, or the one in it that an archive was unpacked to, a few deep, beside whatever else; empty where there
    /// is none. Throws Error where there are several.
    static std::filesystem::path find(const std::filesystem::path& folder);

    /// Where the layout was found: what was given, or the one folder below it.
    const std::filesystem::path& folder() const { return folder_; }
    const std::string& layout() const { return layout_name_; }
    /// By what the layout was recognised.
    const std::string& why() const { return why_; }
    /// What else a user should know: where classes or a split come from.
    const std::vector<std::string>& notes() const { return notes_; }
    /// Which of the options have no effect, and why, a line that notes() has too; empty where all have one.
    const std::string& without_effect() const { return without_effect_; }
    const ClassTable& classes() const { return classes_; }

    /// train, val, test, then the rest.
    const std::vector<std::string>& splits() const { return splits_; }
    bool has(const std::string& split) const;
    /// The frames of a split, in its order; those that have no label map too. Throws Error for a split that is not
    /// there (naming those that are), a malformed list, and a file that a list names and that is not there.
    std::vector<SamplePaths> samples(const std::string& split) const;
    /// Whether any frame of a split has a label map; of a split that is drawn, any of those that it is drawn from.
    bool is_labelled(const std::string& split) const;
    /// Tells whether two splits are the same: 16 hexadecimal digits (FNV-1a) of the frames' names, the sizes of their
    /// pictures' files and the bytes of their label maps' files, in whatever order the split has them. Cheap: no pixel
    /// is decoded. The same dataset in another layout, its labels in other files, has another fingerprint. Throws Error
    /// as samples(), and for a file that cannot be read.
    std::string fingerprint(const std::string& split) const;
    /// Label maps in the folder that belong to no picture.
    std::vector<std::filesystem::path> labels_without_image() const;
    /// What stands where a split's label maps would, a line with its first picture: one of another name, or files of
    /// kinds that are not read. Empty where there is neither.
    std::string unpaired(const std::string& split) const;

    /// A label map's ids in classes(). Throws Error as Dataset::open() does.
    Image read_label(const std::filesystem::path& file) const;
    const std::shared_ptr<const LabelCoding>& coding() const { return coding_; }

    /// Throws Error as Dataset::open() does.
    Dataset dataset(const std::string& split, const DatasetOptions& options = {}) const;

  private:
    /// Whether a split is made of some of the layout's train.
    bool is_drawn(const std::string& split) const;
    /// Every label map, sorted.
    std::vector<std::filesystem::path> labels() const;
    /// What two classes are stored as, by looking, where `file` leaves it open.
    void tell_two_classes(ClassFile& file);
    /// Notes what some label maps show to be in doubt: palettes whose colours say something else than their indices, a
    /// 255 that is void unsaid, and ids of --map (`mapped`) that they do not hold.
    void look_at_labels(bool palette_colours, bool says_void, const std::set<int>& mapped);
    /// Notes which of some frames Exif turns.
    void look_at_frames();
    /// Notes what --unknown void makes void in some label maps.
    void tell_unknown();
    /// Notes a checkpoint's --map, and of a folder that it was not given for what its ids are here.
    void tell_map(const FolderOptions& options, const std::filesystem::path& folder, const std::set<int>& mapped,
                  const LabelCoding& own);
    /// Where every class of `file` has a grey of its own and label maps hold these, not positions, they are those.
    bool tell_greys(ClassFile& file);
    /// Throws Error where a label map of these frames, a split's, is another picture's too, in this split or another.
    void refuse_shared_labels(const std::vector<SamplePaths>& frames) const;
    void note_void(const std::filesystem::path& file);

    std::filesystem::path folder_;
    const Layout* layout_ = nullptr;
    std::string layout_name_, why_, without_effect_;
    std::vector<std::string> notes_, splits_;
    ClassTable classes_;
    std::shared_ptr<const LabelCoding> coding_;
    double val_fraction_ = 0;  ///< > 0: train and val are made of the layout's train
};

}  // namespace camber
