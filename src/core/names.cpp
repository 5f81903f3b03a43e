#include <camber/names.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace camber {
namespace {

/// Levenshtein's distance: letters to insert, remove and replace.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
        }
    }
    return row.back();
}

}  // namespace

std::string one_of(const std::vector<std::string>& names) {
    return names.size() < 2 ? fmt::format("{}", fmt::join(names, ""))
                            : fmt::format("{} or {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

std::string did_you_mean(const std::string& text, const std::vector<std::string>& names) {
    const std::string start = text.substr(0, 100);  // the time goes with the square
    const std::string* nearest = nullptr;
    std::size_t least = std::max<std::size_t>(2, start.size() / 2);  // what differs more is another word
    for (const std::string& name : names) {
        if (const std::size_t now = distance(start, name); now < least) {
            least = now;
            nearest = &name;
        }
    }
    return nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : std::string();
}

}  // namespace camber
