#pragma once
#include <chrono>
#include <filesystem>
#include <vector>

namespace camber::libraries {

/// Where the `python3` on the PATH looks for packages (its sys.path), which is what a virtual environment that is not
/// active is known by. None where there is no such program, or it does not answer in `limit`. It is run isolated (-I):
/// neither the current folder nor variables of Python's change what it is.
std::vector<std::filesystem::path> python_folders(std::chrono::milliseconds limit = std::chrono::seconds(5));

}  // namespace camber::libraries
