#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace camber {

/// A way to take a line of a list apart.
struct ListReading {
    std::vector<std::string> fields;
    bool joined = false;  ///< of words that nothing but blanks stand between
};

/// A line of a list, as the ways to take it apart: "a b.png c d.png" may be two names in three ways.
struct ListLine {
    int number = 0;
    std::vector<ListReading> readings;  ///< likeliest first, at least one
    bool has_comment = false;           ///< a word after the first begins with #
};

/// Whether words before the last end as pictures' names do: "a.png b.png", "a.png;b.png".
bool holds_two_names(std::string_view field);

/// Lines of a list that name something. Fields stand between tabs, white space, commas, semicolons or bars, quoted
/// ("..." or '...') where they hold such. Lines that begin with # are comments. Backslashes separate folders as slashes
/// do. Throws Error for a file that is no text.
std::vector<ListLine> read_list(const std::filesystem::path& list);

/// The fields of a line between any of `separators`; quotes hold a field together.
std::vector<std::string> split_fields(std::string_view line, std::string_view separators);

}  // namespace camber
