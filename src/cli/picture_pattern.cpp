#include "cli/picture_pattern.h"

#include <camber/error.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

struct Pattern {
    std::string before, after;
    std::size_t digits = 1;  ///< at least; more only of numbers that need them
};

std::optional<Pattern> parsed(const std::string& name) {
    const std::size_t begin = name.find('%'), end = name.find('d', std::min(begin, name.size()));
    if (begin == std::string::npos || end == std::string::npos) return {};
    const std::string width = name.substr(begin + 1, end - begin - 1);
    const bool is_width = width.empty() || (width.size() == 2 && width[0] == '0' && width[1] > '0' && width[1] <= '9');
    if (!is_width || name.find('%', end) != std::string::npos) return {};
    return Pattern{name.substr(0, begin), name.substr(end + 1),
                   width.empty() ? 1 : static_cast<std::size_t>(width[1] - '0')};
}

/// Without leading zeros: its length and then its digits order it. Empty where the name is none of the pattern's.
std::string number_in(const std::string& name, const Pattern& pattern) {
    if (name.size() <= pattern.before.size() + pattern.after.size() || !name.starts_with(pattern.before) ||
        !name.ends_with(pattern.after))
        return {};
    std::string digits = name.substr(pattern.before.size(), name.size() - pattern.before.size() - pattern.after.size());
    const bool all = std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!all || digits.size() < pattern.digits || (digits.size() > pattern.digits && digits[0] == '0')) return {};
    return digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

}  // namespace

bool is_pattern(const fs::path& path) {
    std::error_code none;
    return parsed(path.filename().string()).has_value() && !fs::exists(path, none);
}

std::vector<fs::path> files_of_pattern(const fs::path& path) {
    const std::optional<Pattern> pattern = parsed(path.filename().string());
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::map<std::pair<std::size_t, std::string>, fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (const std::string number = number_in(name, *pattern); !number.empty())
            files.emplace(std::pair(number.size(), number), path.parent_path() / name);
    }
    if (error) fail("{}: {}", folder.string(), error_text(error.value()));
    if (files.empty()) fail("{}: there is no file that the pattern names", path.string());
    std::vector<fs::path> sorted;
    for (const auto& [number, file] : files) sorted.push_back(file);
    return sorted;
}

}  // namespace camber::cli
