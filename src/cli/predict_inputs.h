#pragma once
#include <camber/data_folder.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/predict_outputs.h"

namespace camber::cli {

struct Picture {
    std::filesystem::path file;
    std::filesystem::path name;        ///< of its results: below --out, without extension
    std::filesystem::path label = {};  ///< of a dataset's frame: its label map, which says how it is turned
};

/// What of the inputs of `camber predict` is to be predicted, and what not.
struct Listing {
    std::vector<Picture> pictures;
    std::size_t files = 0, links = 0;           ///< of folders: files that are no pictures, and links to folders
    std::size_t results = 0;                    ///< of folders: pictures that an earlier predict made
    std::map<std::string, std::size_t> others;  ///< of those files, pictures of kinds that are not read, by ending
    std::vector<std::string> faults;            ///< a line each, about pictures that cannot be done

    /// A line about what folders hold and is not predicted; empty where there is nothing.
    std::string passed_over() const;
};

/// How a dataset's folder is to be read.
using OptionsOf = std::function<FolderOptions(const std::string& folder)>;

/// The pictures among files, patterns of files, folders and datasets, of which `split` names a split. Throws Error for
/// what is not there, and UsageError where results in `out` would be taken for pictures, or take the place of one, or
/// lie among a dataset's frames or label maps.
Listing list_pictures(const std::vector<std::string>& inputs, const std::filesystem::path& out,
                      const std::vector<Output>& outputs, const std::string& split, const OptionsOf& options_of);

}  // namespace camber::cli
