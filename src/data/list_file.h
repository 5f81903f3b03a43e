#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace camber {

/// A line of a list, as the ways to take it apart: "a b.png c d.png" may be two names in three ways.
struct ListLine {
    int number = 0;
    std::vector<std::vector<std::string>> readings;  ///< likeliest first, at least one
};

/// Lines of a list that name something. Fields stand between tabs, white space or commas, quoted ("..." or '...') where
/// they hold such. Lines that begin with # are comments. Backslashes separate folders as slashes do. Throws Error for
/// a file that is no text.
std::vector<ListLine> read_list(const std::filesystem::path& list);

/// The fields of a line between any of `separators`; quotes hold a field together.
std::vector<std::string> split_fields(std::string_view line, std::string_view separators);

}  // namespace camber
