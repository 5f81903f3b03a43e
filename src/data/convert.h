#pragma once
#include <camber/data_folder.h>
#include <camber/progress.h>

#include <functional>
#include <string>
#include <vector>

namespace camber {

/// Frames whose label maps are made when they are wanted, from whatever says what is where.
struct DrawnDataset {
    struct Frame {
        std::filesystem::path image;
        std::function<Image()> label;  ///< ids of `classes`
    };
    struct Split {
        std::string name;
        std::vector<Frame> frames;
    };
    ClassTable classes;
    std::vector<Split> splits;
    std::vector<std::string> left_out = {};  ///< "3 frames of test without label maps"
    std::vector<std::string> notes = {};     ///< what else a user should know
};

/// A folder's labelled splits. Throws Error as DataFolder::dataset() does, but for what is in the files.
DrawnDataset drawn(const DataFolder& folder);

/// Writes SegNet's layout, which everything reads: SPLIT/ (the pictures, copied), SPLITannot/ (ids), SPLIT.txt,
/// classes.json. The whole of it or nothing. Throws Error as NewFolder does, and for frames that cannot be read.
void write_plain_dataset(const DrawnDataset& dataset, const std::filesystem::path& folder,
                         const Progress& progress = {});

}  // namespace camber
