#include <camber/names.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace camber {
namespace {

/// Letters to insert, remove, replace and exchange with the next: the optimal string alignment distance.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1), above, above_that;
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        above_that = std::exchange(above, row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            row[j + 1] = std::min({above[j] + (a[i] == b[j] ? 0 : 1), row[j] + 1, above[j + 1] + 1});
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
                row[j + 1] = std::min(row[j + 1], above_that[j - 1] + 1);
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
    std::size_t least = std::max<std::size_t>(2, (start.size() + 2) / 3);  // what differs more is another word
    for (const std::string& name : names) {
        if (const std::size_t now = distance(start, name); now < least) {
            least = now;
            nearest = &name;
        }
    }
    return nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : std::string();
}

}  // namespace camber
