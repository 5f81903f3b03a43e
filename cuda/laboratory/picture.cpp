#include "cuda/laboratory/picture.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/markup.h"

namespace camber::laboratory {
namespace {

using report::element;
using report::empty_element;
using report::Markup;

constexpr double width = 760, left = 20, right = 60, top = 64, row = 44;

constexpr const char* style = R"(
svg { font: 13px system-ui, sans-serif; background: var(--page); --page: #fff; --ink: #1b1f24; --faint: #8b949e;
      --bar: #2463c5; --room: #e6e8eb; --mark: #c2410c; }
@media (prefers-color-scheme: dark) {
    svg { --page: #14171b; --ink: #e6e8eb; --faint: #8b949e; --bar: #6ea8fe; --room: #2a2f36; --mark: #fb923c; } }
text { fill: var(--ink); } .faint { fill: var(--faint); font-size: 11px; } .title { font-size: 15px; font-weight: 600; }
.bar { fill: var(--bar); } .room { fill: var(--room); } .mark { stroke: var(--mark); stroke-width: 2; }
)";

std::string at(double value) { return fmt::format("{:.1f}", value); }

Markup text(const char* kind, double x, double y, const std::string& words, const char* anchor = "start") {
    return element("text", {{"class", kind}, {"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}}, words);
}
Markup bar(const char* kind, double y, double length) {
    return empty_element("rect",
                         {{"class", kind}, {"x", at(left)}, {"y", at(y)}, {"width", at(length)}, {"height", "14"}});
}

}  // namespace

std::string bounds_picture(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu) {
    constexpr double roof = width - left - right;
    const double height = top + row * static_cast<double>(results.size()) + 12;
    Markup body = element("style", {}, Markup::raw(style));
    body += text("title", left, 24,
                 fmt::format("{}: at most this share of the roof of {}", trial.experiment().name, gpu.name));
    body += text("faint", left, 42,
                 "bounds, not times; marks: where memory (M), "
                 "load/store units (L), latency (T) and arithmetic (A) end");
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Result& result = results[i];
        const double y = top + row * static_cast<double>(i);
        body += text("", left, y + 8, fmt::format("{} {}", result.version, result.what));
        body += bar("room", y + 14, roof);
        body += bar("bar", y + 14, roof * std::min(result.bound.share, 1.0));
        const Needs& needs = result.bound.needs;
        const double needed = roof_seconds(trial.problem(), gpu);
        for (const auto& [name, seconds] : {std::pair{"M", needs.memory}, std::pair{"L", needs.load_store},
                                            std::pair{"T", needs.latency}, std::pair{"A", needs.arithmetic}}) {
            if (seconds < needed) continue;  // beyond the roof
            const double x = left + roof * needed / seconds;
            body += empty_element(
                "line", {{"class", "mark"}, {"x1", at(x)}, {"x2", at(x)}, {"y1", at(y + 12)}, {"y2", at(y + 30)}});
            body += text("faint", x, y + 38, name, "middle");
        }
        body += text("", left + roof + 8, y + 26, fmt::format("{:.0f}%", 100 * result.bound.share));
    }
    return element(
               "svg",
               {{"xmlns", "http://www.w3.org/2000/svg"}, {"viewBox", fmt::format("0 0 {:.0f} {:.0f}", width, height)}},
               body)
               .str() +
           "\n";
}

}  // namespace camber::laboratory
