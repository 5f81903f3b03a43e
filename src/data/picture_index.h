#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace camber {

/// Whether the name ends as those of pictures do: .png, .jpg or .jpeg, in any case. Hidden files are none: macOS leaves
/// a ._NAME beside every NAME.
bool is_picture(const std::filesystem::path& file);

/// Whether the name ends as those of pictures do that are not read: TIFF, WebP, BMP, GIF, HEIF.
bool is_other_picture(const std::filesystem::path& file);
/// The ending of a name, in small letters.
std::string ending(const std::filesystem::path& file);
/// "3 .tif files not read: convert to PNG (...)": of how many files there are of each such ending; empty for none.
std::string not_read(const std::map<std::string, std::size_t>& endings);
/// Those in a folder itself.
std::map<std::string, std::size_t> other_pictures_in(const std::filesystem::path& folder);

/// The pictures in a folder and in those below it, sorted; none where there is no such folder.
std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder);

/// The visible folders in a folder, sorted by name, but for what macOS puts into archives; none where there is no such
/// folder.
std::vector<std::filesystem::path> folders_in(const std::filesystem::path& folder);

/// Finds pictures by what lists call them. Folders are read once.
class PictureIndex {
  public:
    /// The file, or one of its name with another picture extension; empty when there is neither.
    std::filesystem::path find(const std::filesystem::path& file);

    struct Found {
        std::filesystem::path file;      ///< empty where there is no such picture
        std::filesystem::path left_out;  ///< leading folders of the name that are not those of here
    };
    /// `listed` in `folder`: a name that another machine gave, absolute even, is looked for by its end; a name alone in
    /// `pictures`.
    Found locate(const std::filesystem::path& folder, const std::string& listed, const std::filesystem::path& pictures);
    /// The file alone.
    std::filesystem::path resolve(const std::filesystem::path& folder, const std::string& listed,
                                  const std::filesystem::path& pictures) {
        return locate(folder, listed, pictures).file;
    }

  private:
    using Files = std::unordered_map<std::string, std::filesystem::path>;
    const Files& files_in(const std::filesystem::path& folder);

    std::map<std::filesystem::path, Files> folders_;  ///< by name, and by stem
};

}  // namespace camber
