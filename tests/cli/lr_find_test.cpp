// camber lr-find as its user has it.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/check_error.h"
#include "cli/scenes.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Test {
    TemporaryFolder folder;
    fs::path data = folder / "data";
    Test() { write_scenes(data); }
    CommandResult run(const char* out, std::vector<std::string> more) const {
        more.insert(more.begin(), {"lr-find", "--data", data.string(), "--net-option", "width=8", "--size", "32x48",
                                   "--batch", "2", "--out", (folder / out).string()});
        return run_camber(more);
    }
    json curve(const char* out) const { return json::parse(read_text(folder / out / "lr-find.json")); }
};

}  // namespace

TEST_CASE(
    "lr-find: rates grow as they are told to, the first losses are a run's own, and what is suggested is printed") {
    const Test test;
    const CommandResult found = test.run("a", {"--steps", "40", "--start-lr", "1e-5", "--end-lr", "1"});
    REQUIRE(found.exit_code == 0);
    const json curve = test.curve("a");
    const json& points = curve.at("points");
    REQUIRE(points.size() > 20);
    CHECK(points[0].at("lr") == doctest::Approx(1e-5));
    CHECK(points[10].at("lr").get<double>() / points[9].at("lr").get<double>() ==
          doctest::Approx(std::pow(1e5, 1 / 40.0)));
    for (const char* name : {"steepest", "minimum/10", "valley"}) {
        CHECK(curve.at("suggested").at(name).get<double>() > 1e-6);
        CHECK(found.output.find(name) != std::string::npos);
    }
    const std::string svg = read_text(test.folder / "a" / "lr-find.svg");
    CHECK(svg.starts_with("<svg xmlns="));
    CHECK(svg.find("valley") != std::string::npos);

    // As a run's first step has it, whose rate is another.
    const CommandResult run =
        run_camber({"train", "--data", test.data.string(), "--net-option", "width=8", "--size", "32x48", "--batch", "2",
                    "--epochs", "1", "--epoch-batches", "1", "--out", (test.folder / "run").string()});
    REQUIRE(run.exit_code == 0);
    const json line = json::parse(read_text(test.folder / "run" / "metrics.jsonl"));
    CHECK(test.run("b", {"--steps", "10", "--epoch-batches", "1"}).exit_code == 0);
    CHECK(test.curve("b").at("points")[0].at("loss") == line.at("train").at("loss"));

    CHECK(test.run("c", {"--steps", "40", "--start-lr", "1e-5", "--end-lr", "1"}).exit_code == 0);
    CHECK(test.curve("c") == curve);
}

TEST_CASE("lr-find refuses in one line, and writes nothing then") {
    const Test test;
    check_error(test.run("x", {"--start-lr", "1", "--end-lr", "0.1"}), 2, {"--start-lr must be below --end-lr"});
    check_error(test.run("x", {"--steps", "5"}), 2, {"--steps", "10"});
    check_error(run_camber({"lr-find"}), 2, {"--data is missing"});
    check_error(
        run_camber({"lr-find", "--data", (test.folder / "none").string(), "--out", (test.folder / "x").string()}), 1,
        {"none"});
    CHECK_FALSE(fs::exists(test.folder / "x"));
}
