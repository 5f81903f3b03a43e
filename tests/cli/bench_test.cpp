#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/check_error.h"
#include "support/command.h"

namespace camber::testing {
namespace {

CommandResult run_primitives(std::vector<std::string> options) {
    options.insert(options.begin(), {"bench", "primitives"});
    for (const char* word : {"--device", "cpu", "--batch", "1", "--size", "16", "--channels", "16", "--parameters",
                             "100", "--seconds", "0.0001", "--rounds", "3"})
        options.emplace_back(word);
    return run_camber(options);
}

}  // namespace

TEST_CASE("bench primitives: loops beside a copy, products beside multiply-adds") {
    const CommandResult result = run_primitives({"relu", "conv2d", "--json"});
    REQUIRE(result.exit_code == 0);
    std::istringstream lines(result.output);
    std::string line;
    std::getline(lines, line);
    const auto machine = nlohmann::json::parse(line);
    CHECK(machine["copy_bytes_per_second"] > 1e6);
    CHECK(machine["multiply_add_operations_per_second"] > 1e6);
    int loops = 0, products = 0;
    while (std::getline(lines, line)) {
        const auto row = nlohmann::json::parse(line);
        CHECK(row["milliseconds"] > 0);
        CHECK(row["share_of_copy_bandwidth"] > 0);
        const bool multiplies = row["operations"] > 0;
        CHECK(row.contains("share_of_multiply_add_rate") == multiplies);
        (multiplies ? products : loops) += 1;
        if (row["primitive"] == "relu, [1, 16, 16, 16]") CHECK(row["bytes"] == (row["dtype"] == "f32" ? 32768 : 16384));
    }
    CHECK(loops == 4);  // relu and its gradient, in two dtypes
    CHECK(products == 12);
}

TEST_CASE("bench primitives: a table, and what it cannot do in a line") {
    const CommandResult table = run_primitives({"max_pool2d,"});
    CHECK(table.exit_code == 0);
    CHECK(table.output.find("of copy") != std::string::npos);
    CHECK(table.output.find("max_pool2d, 2x2 [1, 16, 16, 16] to [1, 8, 8, 16]") != std::string::npos);
    CHECK(run_primitives({"--rates"}).output.find("multiply-adds in registers") != std::string::npos);
    check_error(run_primitives({"maxpool"}), 2, {"'maxpool'"});
    check_error(run_primitives({"--rounds", "0"}), 2, {"--rounds", "a whole number from 1", "'0'"});
    check_error(run_camber({"bench", "primitives", "--device", "meta"}), 2, {"cpu, cuda and emulated"});
}

}  // namespace camber::testing
