#pragma once
#include <camber/data_folder.h>
#include <camber/error.h>

#include <string>
#include <utility>
#include <vector>

#include "data/class_file.h"

namespace camber {

/// What a folder says its labels are.
struct FolderClasses {
    enum class From {
        folder,   ///< the folder or its format says it
        assumed,  ///< nothing does: the table is what the layout usually has
        nothing,  ///< nothing does, and the labels must be looked at
    };
    ClassFile file;
    From from = From::nothing;
    std::string where;             ///< "class_dict.csv"
    bool palette_colours = false;  ///< colours of palettes count, not indices
};

/// A folder of pictures, and the one of their label maps.
struct Places {
    std::filesystem::path images, labels;
};

/// A way in which datasets lie in a folder. A new one is a file in this folder, and a line in layouts.def.
class Layout {
  public:
    virtual ~Layout() = default;
    virtual const char* name() const = 0;  ///< for --layout
    virtual const char* what() const = 0;  ///< a few words

    /// By what `folder` is seen to be of this layout; empty where it is not. Reads folders, no pictures.
    virtual std::string recognise(const std::filesystem::path& folder) const = 0;
    /// In any order.
    virtual std::vector<std::string> splits(const std::filesystem::path& folder) const = 0;
    /// Whether the folder says nothing of splits: splits() is then "train", all frames.
    virtual bool undivided(const std::filesystem::path& /*folder*/) const { return false; }
    /// Of one of splits(); in order. A frame without a label map has an empty one.
    virtual std::vector<SamplePaths> samples(const std::filesystem::path& folder, const std::string& split) const = 0;
    virtual FolderClasses classes(const std::filesystem::path& folder) const = 0;
    /// Where pictures and their label maps lie, to find those that do not pair.
    virtual std::vector<Places> places(const std::filesystem::path& /*folder*/) const { return {}; }
};

/// All, in the order in which they are tried.
const std::vector<const Layout*>& all_layouts();

/// For layouts: whether `folder` has a folder, or a file, of this name.
bool has_folder(const std::filesystem::path& folder, const std::string& name);
bool has_file(const std::filesystem::path& folder, const std::string& name);

/// The table that find_class_file() finds; From::nothing where there is none.
FolderClasses folder_classes(const std::filesystem::path& folder);

/// "val" for valid and validation, "train" for training, "test" for testing, in any case, with a year behind it or
/// _list, _set or _images, else the name itself.
std::string usual_split(const std::string& name);
/// The list of a split, "train.txt", "Training.TXT" and the like, else one such as "train_list.txt", "train.csv" or
/// "splits/train.txt"; empty where there is none. Throws Error where there are two.
std::filesystem::path list_of(const std::filesystem::path& folder, const std::string& split);
/// Those of which there is a list.
std::vector<std::string> listed_splits(const std::filesystem::path& folder);
/// Throws Error where two paths, of the splits beside them, are of one split: val/ and validation/.
void refuse_same_split(const std::vector<std::pair<std::string, std::filesystem::path>>& places);
/// Whether usual_split() is train, val, test, trainval or trainaug.
bool is_split_name(const std::string& name);

}  // namespace camber
