#include "report/lr_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/chart.h"
#include "report/markup.h"

namespace camber::report {
namespace {

constexpr double width = 760, height = 420, left = 64, right = 36, top = 48, bottom = 52;
/// Losses beyond this many times the first smoothed one say no more than that it diverged.
constexpr double most = 1.5;

constexpr const char* style = R"(
svg { font: 13px system-ui, sans-serif; background: var(--page); --page: #fff; --ink: #1b1f24; --faint: #8b949e;
      --grid: #e6e8eb; --line: #2463c5; --mark: #c2410c; }
@media (prefers-color-scheme: dark) {
    svg { --page: #14171b; --ink: #e6e8eb; --faint: #8b949e; --grid: #2a2f36; --line: #6ea8fe; --mark: #fb923c; } }
text { fill: var(--ink); } .faint { fill: var(--faint); } .title { font-size: 15px; font-weight: 600; }
.grid { stroke: var(--grid); } .raw { fill: var(--faint); opacity: 0.5; }
.smoothed { fill: none; stroke: var(--line); stroke-width: 2; }
.label { paint-order: stroke; stroke: var(--page); stroke-width: 4px; }
.mark { stroke: var(--mark); stroke-dasharray: 3 3; } .dot { fill: var(--mark); }
)";

std::string at(double value) { return fmt::format("{:.1f}", value); }

Markup line(const char* kind, double x0, double y0, double x1, double y1) {
    return empty_element("line", {{"class", kind}, {"x1", at(x0)}, {"y1", at(y0)}, {"x2", at(x1)}, {"y2", at(y1)}});
}
Markup text(const char* kind, double x, double y, const char* anchor, const std::string& what) {
    return element("text", {{"class", kind}, {"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}}, what);
}
Markup dot(const char* kind, double x, double y, const char* radius) {
    return empty_element("circle", {{"class", kind}, {"cx", at(x)}, {"cy", at(y)}, {"r", radius}});
}

}  // namespace

std::string lr_chart(const LrCurve& curve, const std::vector<LrSuggestion>& suggestions, const std::string& title) {
    const std::vector<LrPoint>& points = curve.points();
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const LrPoint& point : points) {
        if (!std::isfinite(point.smoothed)) continue;
        low = std::min({low, point.smoothed, std::isfinite(point.loss) ? point.loss : low});
        high = std::max(high, std::min(point.smoothed, most * points.front().smoothed));
    }
    if (low > high) low = 0, high = 1;
    const double room = high > low ? 0.05 * (high - low) : 0.5, from = low - room, to = high + room;
    const double first = std::log10(curve.range().start), last = std::log10(curve.range().end);
    const auto x = [&](double lr) { return left + (std::log10(lr) - first) / (last - first) * (width - left - right); };
    const auto y = [&](double loss) {
        return height - bottom - (std::clamp(loss, from, to) - from) / (to - from) * (height - top - bottom);
    };

    Markup drawn = element("style", {}, Markup::raw(style)) + text("title", left, 24, "start", title);
    for (const double loss : axis_ticks(from, to)) {
        drawn += line("grid", left, y(loss), width - right, y(loss));
        drawn += text("faint", left - 8, y(loss) + 4, "end", fmt::format("{:.4g}", loss));
    }
    for (double power = std::ceil(first - 1e-9); power <= last + 1e-9; ++power) {
        const double lr = std::pow(10, power);
        drawn += line("grid", x(lr), top, x(lr), height - bottom);
        drawn += text("faint", x(lr), height - bottom + 18, "middle", fmt::format("1e{:.0f}", power));
    }
    drawn += text("faint", (left + width - right) / 2, height - 10, "middle", "learning rate");
    drawn += text("faint", left, top - 8, "start", "loss: of each batch, and smoothed");

    std::string path;
    for (const LrPoint& point : points) {
        if (std::isfinite(point.loss)) drawn += dot("raw", x(point.lr), y(point.loss), "2");
        if (std::isfinite(point.smoothed))
            path += fmt::format("{}{} {}", path.empty() ? "M" : "L", at(x(point.lr)), at(y(point.smoothed)));
    }
    if (!path.empty()) drawn += empty_element("path", {{"class", "smoothed"}, {"d", path}});
    for (const LrSuggestion& suggestion : suggestions) {
        drawn += line("mark", x(suggestion.lr), top, x(suggestion.lr), height - bottom);
        drawn += dot("dot", x(suggestion.at.lr), y(suggestion.at.smoothed), "4");
    }
    double row = height - bottom - 8 - 17 * static_cast<double>(std::ssize(suggestions) - 1);
    for (const LrSuggestion& suggestion : suggestions) {  // over all lines
        const bool before = x(suggestion.lr) > (left + width - right) / 2;
        drawn += text("label", x(suggestion.lr) + (before ? -6 : 6), row, before ? "end" : "start",
                      fmt::format("{} {:.2g}", suggestion.name, suggestion.lr));
        row += 17;
    }
    return element("svg",
                   {{"xmlns", "http://www.w3.org/2000/svg"},
                    {"viewBox", fmt::format("0 0 {:g} {:g}", width, height)},
                    {"role", "img"},
                    {"aria-label", title}},
                   drawn)
               .str() +
           "\n";
}

}  // namespace camber::report
