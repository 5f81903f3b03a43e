#pragma once
#include <camber/data_folder.h>
#include <camber/progress.h>

#include <map>
#include <string>
#include <vector>

namespace camber {

/// Something about a dataset that a user should know, each item naming its file.
struct DataProblem {
    std::string what;   ///< "frames without a label map"
    bool fault = true;  ///< keeps the split from being opened; else it is a warning
    std::vector<std::string> items;
};

struct DataProblems {
    std::vector<DataProblem> list;
    std::map<std::string, std::size_t> faults;  ///< of each split that has any

    /// The first fault, with its file; empty where there is none.
    std::string first_fault() const;
    std::size_t fault_count() const;
};

/// Reads every file of a dataset, and finds: missing partners; files that cannot be read; labels that are no class;
/// sizes that differ; pictures and labels in each other's place; label maps that are void throughout; frames that stand
/// in two splits, by their bytes, their name, or nearly, by a hash of how brightness changes from left to right (16 x
/// 16 differences, of which at most 1 in 6 differ). Throws Error for a list that cannot be read.
DataProblems find_problems(const DataFolder& folder, const Progress& progress = {});

}  // namespace camber
