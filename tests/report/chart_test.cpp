#include "report/chart.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace camber::report;

TEST_CASE("ticks are round and within the axis") {
    CHECK(axis_ticks(0, 1) == std::vector<double>{0, 0.5, 1});
    CHECK(axis_ticks(0, 4) == std::vector<double>{0, 1, 2, 3, 4});
    CHECK(axis_ticks(3, 9) == std::vector<double>{4, 6, 8});
    CHECK(axis_ticks(5, 5) == std::vector<double>{5});
}

TEST_CASE("a line goes through the values that there are; of one alone there is a dot") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    Chart chart{.title = "t", .value = [](double v) { return std::to_string(v); }};
    chart.series = {{"a", 0, false, {{1, nan}, {2, 2}, {3, nan}, {4, 3}, {5, nan}, {6, 1}}}};
    const std::string svg = line_chart(chart).str();
    const std::size_t path = svg.find(" d=\"");
    REQUIRE(path != std::string::npos);
    const std::string drawn = svg.substr(path, svg.find('"', path + 4) - path);
    CHECK(std::count(drawn.begin(), drawn.end(), 'M') == 1);
    CHECK(std::count(drawn.begin(), drawn.end(), 'L') == 2);
    CHECK(svg.find("<circle") == std::string::npos);
    chart.series = {{"a", 0, false, {{1, nan}, {2, 1}}}};
    CHECK(line_chart(chart).str().find("<circle") != std::string::npos);
    chart.series = {{"a", 0, false, {{1, nan}}}};
    CHECK(line_chart(chart).str().find("no values yet") != std::string::npos);
}
