#pragma once
#include <filesystem>
#include <string>

namespace camber::testing {

/// A file beside the running test program, wherever that has been carried.
inline std::string beside_program(const std::string& name) {
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

}  // namespace camber::testing
