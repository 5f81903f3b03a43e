#include <camber/lr_range_test.h>
#include <doctest/doctest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

using namespace camber;

TEST_CASE("a learning-rate range test is fastai's: rates, smoothed losses, its end and what it suggests") {
    const auto golden = nlohmann::json::parse(std::ifstream(CAMBER_TEST_FIXTURES "/lr_range_test.json"));
    for (const nlohmann::json& c : golden.at("cases")) {
        CAPTURE(c.at("steps"));
        LrCurve curve({golden.at("start"), golden.at("end"), c.at("steps")});
        const std::size_t count = c.at("losses").size();
        for (std::size_t i = 0; i < count; ++i) CHECK(curve.add(c.at("losses").at(i)) == (i + 1 < count));
        REQUIRE(curve.points().size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(curve.points()[i].lr == doctest::Approx(c.at("lrs").at(i).get<double>()).epsilon(1e-12));
            CHECK(curve.points()[i].smoothed == doctest::Approx(c.at("smoothed").at(i).get<double>()).epsilon(1e-12));
        }
        const std::vector<LrSuggestion> suggestions = suggested_lrs(curve);
        REQUIRE(suggestions.size() == 3);
        for (const LrSuggestion& s : suggestions)
            CHECK_MESSAGE(s.lr == doctest::Approx(c.at(s.name).get<double>()).epsilon(1e-12), s.name);
    }
}

TEST_CASE("a learning-rate range test that ends early suggests nothing, and ends where the loss is no number") {
    LrCurve curve({1e-7, 10, 100});
    for (int i = 0; i < 16; ++i) CHECK(curve.add(1));
    CHECK(suggested_lrs(curve).empty());
    CHECK(!curve.add(std::numeric_limits<double>::quiet_NaN()));
    CHECK(suggested_lrs(curve).size() == 3);  // of the two points that are left
    CHECK(LrRange{}.lr(100) == doctest::Approx(10));
}
