#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "report/markup.h"

/// Charts as inline SVG: colours come from the page's style sheet, so that they follow its theme, and what the pointer
/// is on is read out without a script.
namespace camber::report {

struct Series {
    std::string name;
    int colour = 0;  ///< of the style sheet's series: class s0, s1, ...
    bool dashed = false;
    /// (x, y) by x; y may be NaN, which leaves a gap.
    std::vector<std::pair<double, double>> points = {};
};

struct Chart {
    std::string title;
    std::string x_label = "epoch";
    std::string unit = {};                          ///< beside the title: "%", "s"
    std::function<std::string(double)> value = {};  ///< a value as the read-out has it
    std::vector<Series> series = {};
    std::vector<double> divisions = {};  ///< x where something else begins: a stage
    bool from_zero = false;              ///< the y axis begins at 0
    double most = 0;                     ///< > 0: and does not go beyond this
};

inline constexpr int series_colours = 8;

/// Lines. Without any finite value, a chart that says so.
Markup line_chart(const Chart& chart);
/// Bars that stack the series on one another, one for each x.
Markup stacked_chart(const Chart& chart);
/// How many values of [0, 1] fall into each tenth; those that are not finite are left out.
Markup histogram(const std::string& title, const std::string& x_label, const std::vector<double>& values);

/// Round values about `count` steps apart that lie in [low, high].
std::vector<double> axis_ticks(double low, double high, int count = 4);

}  // namespace camber::report
