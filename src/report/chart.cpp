#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "report/number_text.h"

namespace camber::report {
namespace {

/// In units of the view box, which is about a pixel each on a desktop and on a phone.
constexpr double width = 400, height = 216, left = 50, right = 22, top = 12, bottom = 38;
constexpr double letter = 6.3;  // of the read-out, about
/// More places than this along x are not told apart by a pointer.
constexpr std::size_t most_places = 120;

std::string coordinate(double value) { return fmt::format("{:.1f}", value); }

struct Axis {
    double low = 0, high = 1, from = 0, to = 1;
    double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

Markup svg_text(double x, double y, const std::string& kind, const std::string& text) {
    return element("text", {{"class", kind}, {"x", coordinate(x)}, {"y", coordinate(y)}}, text);
}

Markup line(const std::string& kind, double x1, double y1, double x2, double y2) {
    return empty_element("line", {{"class", kind},
                                  {"x1", coordinate(x1)},
                                  {"y1", coordinate(y1)},
                                  {"x2", coordinate(x2)},
                                  {"y2", coordinate(y2)}});
}

Markup rectangle(const std::string& kind, double x, double y, double w, double h) {
    return empty_element("rect", {{"class", kind},
                                  {"x", coordinate(x)},
                                  {"y", coordinate(y)},
                                  {"width", coordinate(std::max(w, 0.0))},
                                  {"height", coordinate(std::max(h, 0.0))}});
}

std::string series_class(const Series& series, const char* kind) {
    return fmt::format("{} s{}{}", kind, series.colour % series_colours, series.dashed ? " dashed" : "");
}

/// A value of a series at each x that has one.
std::map<double, std::vector<double>> by_place(const Chart& chart) {
    std::map<double, std::vector<double>> places;
    for (std::size_t s = 0; s < chart.series.size(); ++s) {
        for (const auto& [x, y] : chart.series[s].points) {
            std::vector<double>& values = places[x];
            values.resize(chart.series.size(), std::numeric_limits<double>::quiet_NaN());
            values[s] = y;
        }
    }
    return places;
}

/// Every k-th place, the last always, so that there are not too many.
std::vector<double> chosen_places(const std::map<double, std::vector<double>>& places) {
    std::vector<double> all, chosen;
    for (const auto& [x, values] : places) all.push_back(x);
    const std::size_t step = (all.size() + most_places - 1) / most_places;
    for (std::size_t i = 0; i < all.size(); ++i)
        if ((all.size() - 1 - i) % std::max<std::size_t>(step, 1) == 0) chosen.push_back(all[i]);
    return chosen;
}

/// What is shown while the pointer is over a place: a rule, and each series' value.
Markup read_out(const Chart& chart, double place, const std::vector<double>& values, double x, double from, double to) {
    std::vector<std::string> lines = {fmt::format("{} {:g}", chart.x_label, place)};
    std::vector<const Series*> named = {nullptr};
    for (std::size_t s = 0; s < chart.series.size(); ++s) {
        if (std::isnan(values[s])) continue;
        lines.push_back(chart.series[s].name + "  " + chart.value(values[s]));
        named.push_back(&chart.series[s]);
    }
    std::size_t longest = 0;
    for (const std::string& text : lines) longest = std::max(longest, text.size());
    constexpr double row = 15, pad = 8, dot = 12;
    const double w = std::min(static_cast<double>(longest) * letter + 2 * pad + dot, width - 8),
                 h = static_cast<double>(lines.size()) * row + 8;
    const double tip_x = x + 10 + w < width ? x + 10 : std::max(x - 10 - w, 4.0), tip_y = top + 2;
    Markup tip = rectangle("tip", tip_x, tip_y, w, h);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const double y = tip_y + 4 + row * static_cast<double>(i + 1) - 4;
        if (named[i]) tip += rectangle(series_class(*named[i], "key"), tip_x + pad, y - 8, 8, 8);
        tip += svg_text(tip_x + pad + (named[i] ? dot : 0), y, named[i] ? "tip-text" : "tip-text tip-head", lines[i]);
    }
    return element("g", {{"class", "at"}},
                   rectangle("hit", from, top, to - from, height - top - bottom) +
                       element("g", {{"class", "shown"}}, line("rule", x, top, x, height - bottom) + tip));
}

/// Over all places: each answers for what is nearer to it than to its neighbours.
Markup read_outs(const Chart& chart, const std::map<double, std::vector<double>>& places, const Axis& x_axis) {
    const std::vector<double> chosen = chosen_places(places);
    Markup all;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const double here = x_axis.at(chosen[i]);
        const double from = i == 0 ? left : (x_axis.at(chosen[i - 1]) + here) / 2;
        const double to = i + 1 == chosen.size() ? width - right : (x_axis.at(chosen[i + 1]) + here) / 2;
        all += read_out(chart, chosen[i], places.at(chosen[i]), here, from, to);
    }
    return all;
}

/// Digits that tell neighbouring ticks apart.
std::string tick_text(double value, double step) {
    if (value == 0) return "0";
    if (std::abs(value) < 1e-3 || std::abs(value) >= 1e5) return fmt::format("{:.3g}", value);
    const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
    return fmt::format("{:.{}f}", value, digits);
}

Markup axes(const Chart& chart, const Axis& x, const Axis& y) {
    Markup drawn;
    const std::vector<double> rows = axis_ticks(y.low, y.high);
    for (const double value : rows) {
        const double step = rows.size() > 1 ? rows[1] - rows[0] : 1;
        drawn += line("grid", left, y.at(value), width - right, y.at(value));
        drawn += svg_text(left - 7, y.at(value) + 4, "tick tick-y", tick_text(value, step));
    }
    for (const double value : axis_ticks(x.low, x.high, 6)) {
        if (value != std::floor(value)) continue;  // epochs are whole
        drawn += svg_text(x.at(value), height - bottom + 17, "tick tick-x", fmt::format("{:g}", value));
    }
    for (const double value : chart.divisions)
        drawn += line("division", x.at(value), top, x.at(value), height - bottom);
    drawn += line("base", left, height - bottom, width - right, height - bottom);
    return drawn + svg_text((left + width - right) / 2, height - 4, "axis-label", chart.x_label);
}

Markup legend(const Chart& chart) {
    Markup items;
    for (const Series& series : chart.series)
        items += element("span", {{"class", series_class(series, "item")}},
                         element("i", {}, "") + Markup::text(series.name));
    return element("span", {{"class", "legend"}}, items);
}

Markup figure(const Chart& chart, const Markup& drawing) {
    Markup title = Markup::text(chart.title);
    if (!chart.unit.empty()) title += element("small", {}, " " + chart.unit);
    const Markup head = element("figcaption", {}, element("b", {}, title) + legend(chart));
    return element("figure", {{"class", "chart"}}, head + drawing);
}

Markup svg(const Chart& chart, const Markup& inner) {
    return element(
        "svg", {{"viewBox", fmt::format("0 0 {:g} {:g}", width, height)}, {"role", "img"}, {"aria-label", chart.title}},
        inner);
}

Markup nothing(const Chart& chart) {
    return figure(chart, svg(chart, svg_text(width / 2, height / 2, "axis-label", "no values yet")));
}

/// Along x: a single place stands in the middle.
Axis axis_of_places(const std::map<double, std::vector<double>>& places, double margin) {
    Axis axis{places.begin()->first - margin, places.rbegin()->first + margin, left, width - right};
    if (axis.low == axis.high) axis.low -= 1, axis.high += 1;
    return axis;
}

Axis value_axis(const Chart& chart, double low, double high) {
    if (chart.from_zero) low = std::min(low, 0.0);
    double room = (high - low) * 0.06;
    if (room == 0) room = high == 0 ? 1 : std::abs(high) * 0.1;
    Axis axis{chart.from_zero && low == 0 ? 0 : low - room, high + room, height - bottom, top};
    if (low >= 0) axis.low = std::max(axis.low, 0.0);
    if (chart.most > 0 && high <= chart.most) axis.high = std::min(axis.high, chart.most);
    return axis;
}

/// The line through the values that there are (not every epoch is validated); of one alone a dot.
Markup path(const Series& series, const Axis& x, const Axis& y) {
    std::string drawn;
    std::vector<std::pair<double, double>> known;
    for (const auto& [place, value] : series.points) {
        if (!std::isfinite(value)) continue;
        drawn += fmt::format("{}{:.1f} {:.1f}", known.empty() ? "M" : "L", x.at(place), y.at(value));
        known.emplace_back(place, value);
    }
    if (known.empty()) return {};
    if (known.size() > 1) return empty_element("path", {{"class", series_class(series, "line")}, {"d", drawn}});
    const auto& [place, value] = known.front();
    return empty_element("circle", {{"class", series_class(series, "dot")},
                                    {"cx", coordinate(x.at(place))},
                                    {"cy", coordinate(y.at(value))},
                                    {"r", "3.5"}});
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count) {
    if (!(high > low)) return {low};
    const double raw = (high - low) / count, power = std::pow(10.0, std::floor(std::log10(raw)));
    const double share = raw / power, step = power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
    std::vector<double> ticks;
    for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k)
        ticks.push_back(k * step + 0.0);  // not -0
    return ticks;
}

Markup line_chart(const Chart& chart) {
    const auto places = by_place(chart);
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Series& series : chart.series) {
        for (const auto& [x, y] : series.points) {
            if (!std::isfinite(y)) continue;
            low = std::min(low, y);
            high = std::max(high, y);
        }
    }
    if (low > high) return nothing(chart);
    const Axis x = axis_of_places(places, 0), y = value_axis(chart, low, high);
    Markup drawing = axes(chart, x, y);
    for (const Series& series : chart.series) drawing += path(series, x, y);
    return figure(chart, svg(chart, drawing + read_outs(chart, places, x)));
}

Markup stacked_chart(const Chart& chart) {
    const auto places = by_place(chart);
    double most = 0;
    for (const auto& [x, values] : places) {
        double sum = 0;
        for (const double value : values) sum += std::isfinite(value) ? value : 0;
        most = std::max(most, sum);
    }
    if (most == 0) return nothing(chart);
    const Axis x = axis_of_places(places, 0.5), y{0, most * 1.06, height - bottom, top};
    const double pitch = std::abs(x.at(1) - x.at(0)), bar = std::clamp(pitch * 0.8, 0.8, 40.0);
    Markup drawing = axes(chart, x, y);
    for (const auto& [place, values] : places) {
        double below = 0;
        for (std::size_t s = 0; s < values.size(); ++s) {
            if (!std::isfinite(values[s]) || values[s] <= 0) continue;
            const double begin = y.at(below), end = y.at(below + values[s]);
            drawing += rectangle(series_class(chart.series[s], "column"), x.at(place) - bar / 2, end, bar, begin - end);
            below += values[s];
        }
    }
    return figure(chart, svg(chart, drawing + read_outs(chart, places, x)));
}

Markup histogram(const std::string& title, const std::string& x_label, const std::vector<double>& values) {
    constexpr int bins = 10;
    std::vector<int> counts(bins);
    for (const double value : values)
        if (std::isfinite(value))
            ++counts[static_cast<std::size_t>(std::clamp(static_cast<int>(value * bins), 0, bins - 1))];
    const int most = *std::max_element(counts.begin(), counts.end());
    Chart chart{.title = title, .x_label = x_label, .unit = "frames", .value = {}, .series = {}};
    if (most == 0) return nothing(chart);
    const Axis x{0, 1, left, width - right}, y{0, most * 1.06, height - bottom, top};
    Markup drawing;
    for (const double value : axis_ticks(0, most)) {
        if (value != std::floor(value)) continue;
        drawing += line("grid", left, y.at(value), width - right, y.at(value));
        drawing += svg_text(left - 7, y.at(value) + 4, "tick tick-y", fmt::format("{:g}", value));
    }
    for (int i = 0; i <= bins; i += 2)
        drawing += svg_text(x.at(0.1 * i), height - bottom + 17, "tick tick-x", fmt::format("{}%", 10 * i));
    for (int i = 0; i < bins; ++i) {
        const int count = counts[static_cast<std::size_t>(i)];
        const double begin = x.at(0.1 * i) + 1, end = x.at(0.1 * (i + 1)) - 1;
        const std::string said =
            fmt::format("{} frame{} of {}% to {}%", count, count == 1 ? "" : "s", 10 * i, 10 * (i + 1));
        drawing += element("g", {},
                           element("title", {}, said) +
                               rectangle("column s0", begin, y.at(count), end - begin, height - bottom - y.at(count)));
    }
    drawing += line("base", left, height - bottom, width - right, height - bottom);
    drawing += svg_text((left + width - right) / 2, height - 4, "axis-label", x_label);
    return figure(chart, svg(chart, drawing));
}

}  // namespace camber::report
