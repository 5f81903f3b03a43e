#include "cuda/laboratory/picture.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

Markup line(double x1, double y1, double x2, double y2) {
    return empty_element("line", {{"class", "mark"}, {"x1", at(x1)}, {"y1", at(y1)}, {"x2", at(x2)}, {"y2", at(y2)}});
}

Markup picture(double height, const Markup& body) {
    return element(
        "svg", {{"xmlns", "http://www.w3.org/2000/svg"}, {"viewBox", fmt::format("0 0 {:.0f} {:.0f}", width, height)}},
        body);
}

/// A logarithmic axis: from the power of ten below the smallest value to the one above the largest.
struct LogAxis {
    double begin, end, low, high;  ///< pixels; exponents

    LogAxis(double first_pixel, double last_pixel, double smallest, double largest)
        : begin(first_pixel),
          end(last_pixel),
          low(std::floor(std::log10(smallest))),
          high(std::max(std::ceil(std::log10(largest)), low + 1)) {}
    double operator()(double value) const { return begin + (end - begin) * (std::log10(value) - low) / (high - low); }
};

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
    return picture(height, body).str() + "\n";
}

std::string roofline_picture(const Trial& trial, const std::vector<Result>& results, const Gpu& gpu) {
    const double operations = trial.problem().operations;
    if (operations == 0)
        throw UsageError(fmt::format("{} multiplies next to nothing: --svg draws its bounds", trial.experiment().name));
    constexpr double bottom = 400, height = 440, ticks = 70;
    struct Point {
        double intensity, rate;
    };
    std::vector<Point> points;
    double least = operations / static_cast<double>(trial.problem().bytes), most = least, slowest = gpu.fp32;
    for (const Result& result : results) {
        const double seconds = result.bound.needs.seconds();
        points.push_back({operations / static_cast<double>(totals(result.launches).bytes_touched),
                          result.bound.runs && seconds > 0 ? operations / seconds : 0});
        least = std::min(least, points.back().intensity), most = std::max(most, points.back().intensity);
        if (points.back().rate > 0) slowest = std::min(slowest, points.back().rate);
    }
    const double fastest = std::max(gpu.fp32, gpu.tensor_bf16);
    const LogAxis x(ticks, width - right, least / 2, std::max(most, fastest / gpu.memory) * 2),
        y(bottom, top, slowest, fastest);
    Markup body = element("style", {}, Markup::raw(style));
    body += text("title", left, 24, fmt::format("{} under the roofs of {}", trial.experiment().name, gpu.name));
    body += text("faint", left, 42, "operations a second over operations a byte that is touched; bounds, not times");
    for (double e = x.low; e <= x.high; ++e)
        body += text("faint", x(std::pow(10, e)), bottom + 18, fmt::format("1e{:.0f}", e), "middle");
    for (double e = y.low; e <= y.high; ++e)
        body += text("faint", ticks - 8, y(std::pow(10, e)) + 4, fmt::format("1e{:.0f}", e), "end");
    // Memory's roof ends at the faster of the others, and begins at the left or at the bottom.
    const double begin = std::max(std::pow(10, x.low), std::pow(10, y.low) / gpu.memory);
    body += line(x(begin), y(begin * gpu.memory), x(fastest / gpu.memory), y(fastest));
    body += text("faint", x(begin) + 6, y(begin * gpu.memory) - 22, "memory", "start");
    for (const auto& [name, rate] :
         {std::pair{"f32 units", gpu.fp32}, std::pair{"tensor cores, bf16", gpu.tensor_bf16}}) {
        if (rate == 0) continue;
        body += line(x(rate / gpu.memory), y(rate), x.end, y(rate));
        body += text("faint", x.end, y(rate) - 5, name, "end");
    }
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i].rate == 0) continue;  // it does not run there
        const double at_x = x(points[i].intensity), at_y = y(points[i].rate);
        body += empty_element("circle", {{"class", "bar"}, {"cx", at(at_x)}, {"cy", at(at_y)}, {"r", "5"}});
        const bool left_of_it = results[i].version % 2 == 1;  // neighbours are often the same point
        body += text("", left_of_it ? at_x - 9 : at_x + 9, at_y + 4, fmt::format("{}", results[i].version),
                     left_of_it ? "end" : "start");
    }
    return picture(height, body).str() + "\n";
}

}  // namespace camber::laboratory
