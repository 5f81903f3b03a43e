#pragma once
#include <filesystem>
#include <string>

namespace camber::cli {

/// Throws UsageError where writing to `out` would replace `read`, a file that the command reads, by whatever path or
/// link it is named. An empty `read` is none.
void refuse_to_replace(const std::string& read, const std::string& out);

/// A path without links, also where the end of it is not there yet.
std::filesystem::path resolved(const std::filesystem::path& path);
/// Whether a resolved path is the folder or lies in it.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder);

/// Refuses results, of `--out`, in a folder of a dataset's frames or label maps, or in one within or around such: they
/// would be taken for more of them. Throws UsageError.
void refuse_among_frames(const std::filesystem::path& folder, const std::string& out);

}  // namespace camber::cli
