#include "report/confusion_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "report/number_text.h"

namespace camber::report {
namespace {

constexpr std::size_t most_classes = 40;
/// Up to so many classes a cell has room for its number.
constexpr std::size_t most_with_numbers = 16;

std::int64_t sum(const std::vector<std::int64_t>& row) {
    return std::accumulate(row.begin(), row.end(), std::int64_t{0});
}

/// The classes to show, in their order.
std::vector<std::size_t> chosen(const std::vector<std::vector<std::int64_t>>& counts) {
    std::vector<std::size_t> ids(counts.size());
    std::iota(ids.begin(), ids.end(), std::size_t{0});
    if (ids.size() <= most_classes) return ids;
    std::stable_sort(ids.begin(), ids.end(), [&](auto a, auto b) { return sum(counts[a]) > sum(counts[b]); });
    ids.resize(most_classes);
    std::sort(ids.begin(), ids.end());
    return ids;
}

std::string shortened(const std::string& name) {
    constexpr std::size_t most = 16;
    std::size_t end = std::min(name.size(), most);
    if (end == name.size()) return name;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // within a character of UTF-8
    return name.substr(0, end) + "\u2026";
}

/// At a place, turned by `degrees` around it.
Markup label(double x, double y, int degrees, const std::string& name) {
    const std::string at = fmt::format("translate({:.1f} {:.1f}) rotate({})", x, y, degrees);
    return element("text", {{"class", degrees == 0 ? "label label-row" : "label"}, {"transform", at}}, shortened(name));
}

}  // namespace

Markup confusion_chart(const std::vector<std::vector<std::int64_t>>& counts, const std::vector<std::string>& names) {
    const std::vector<std::size_t> ids = chosen(counts);
    const bool numbers = ids.size() <= most_with_numbers;
    const double side = 640, left = 118, top = 96, cell = (side - left) / static_cast<double>(ids.size());
    Markup drawing;
    for (std::size_t r = 0; r < ids.size(); ++r) {
        const std::vector<std::int64_t>& row = counts[ids[r]];
        const std::int64_t all = sum(row);
        const double y = top + cell * static_cast<double>(r), x0 = left + cell * static_cast<double>(r);
        drawing += label(left - 8, y + cell / 2 + 4, 0, names[ids[r]]);
        drawing += label(x0 + cell / 2 + 3, top - 8, -50, names[ids[r]]);
        for (std::size_t c = 0; c < ids.size(); ++c) {
            const double x = left + cell * static_cast<double>(c);
            const std::int64_t count = row[ids[c]];
            const double share = all > 0 ? static_cast<double>(count) / static_cast<double>(all) : 0;
            const std::string said = all > 0
                                         ? fmt::format("{} taken for {}: {} of {} pixels, {}", names[ids[r]],
                                                       names[ids[c]], grouped(count), grouped(all), percent(share, 2))
                                         : fmt::format("{} is not in the truth", names[ids[r]]);
            Markup inner = element("title", {}, said);
            inner += empty_element("rect", {{"class", r == c ? "right" : "wrong"},
                                            {"x", fmt::format("{:.2f}", x + 0.5)},
                                            {"y", fmt::format("{:.2f}", y + 0.5)},
                                            {"width", fmt::format("{:.2f}", cell - 1)},
                                            {"height", fmt::format("{:.2f}", cell - 1)},
                                            {"fill-opacity", fmt::format("{:.3f}", share)}});
            if (numbers && share >= 0.005) {
                inner += element("text",
                                 {{"class", share > 0.55 ? "share share-strong" : "share"},
                                  {"x", fmt::format("{:.1f}", x + cell / 2)},
                                  {"y", fmt::format("{:.1f}", y + cell / 2 + 4.5)}},
                                 fmt::format("{:.0f}", 100 * share));
            }
            drawing += element("g", {{"class", all > 0 ? "cell" : "cell empty"}}, inner);
        }
    }
    const double bottom = top + cell * static_cast<double>(ids.size());
    const Markup svg = element("svg",
                               {{"viewBox", fmt::format("0 0 {:g} {:.0f}", side + 24, bottom + 4)},
                                {"role", "img"},
                                {"aria-label", "Confusion matrix, rows normalised"}},
                               drawing);
    Markup figure = element("div", {{"class", "matrix scroll"}}, svg);
    if (ids.size() < counts.size())
        figure += element("p", {{"class", "note"}},
                          fmt::format("The {} of {} classes with most pixels.", ids.size(), counts.size()));
    return figure;
}

Markup confusions_list(const std::vector<std::vector<std::int64_t>>& counts, const std::vector<std::string>& names,
                       std::size_t most) {
    struct Confusion {
        std::size_t truth, prediction;
        double share;
    };
    std::vector<Confusion> found;
    for (std::size_t r = 0; r < counts.size(); ++r) {
        const std::int64_t all = sum(counts[r]);
        for (std::size_t c = 0; c < counts.size(); ++c)
            if (r != c && counts[r][c] > 0)
                found.push_back({r, c, static_cast<double>(counts[r][c]) / static_cast<double>(all)});
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.share > b.share; });
    found.resize(std::min(found.size(), most));
    if (found.empty()) return {};
    Markup rows;
    for (const Confusion& each : found) {
        const Markup bar = element("span", {{"class", "bar bar-wrong"}},
                                   element("i", {{"style", fmt::format("width:{:.1f}%", 100 * each.share)}}, ""));
        rows += element(
            "tr", {},
            element("td", {{"class", "pair"}},
                    element("b", {}, names[each.truth]) + element("span", {{"class", "arrow"}}, " \u2192 ") +
                        Markup::text(names[each.prediction])) +
                element("td", {{"class", "wide"}}, bar) + element("td", {{"class", "number"}}, percent(each.share, 0)));
    }
    return element("h3", {}, "Most often mistaken") +
           element("table", {{"class", "confusions"}}, element("tbody", {}, rows)) +
           element("p", {{"class", "note"}}, "Shares of the true class's pixels.");
}

}  // namespace camber::report
