#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/check_error.h"
#include "support/command.h"
#include "support/files.h"

namespace camber::testing {
namespace {

CommandResult run_kernels(std::vector<std::string> options) {
    options.insert(options.begin(), {"bench", "kernels"});
    return run_camber(options);
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__)  // where nothing is counted

TEST_CASE("bench kernels: a list, a table, every access, an object a line") {
    const CommandResult list = run_kernels({"--list"});
    CHECK(list.exit_code == 0);
    CHECK(list.output.find("max_pool             maxima of 2x2 windows") != std::string::npos);
    CHECK(list.output.find("    3 shipped: 16 bytes of channels a thread") != std::string::npos);

    const std::vector<std::string> emulated = {"max_pool", "--device", "emulated", "--shape", "1,4,4,16"};
    const CommandResult table = run_kernels(emulated);
    CHECK(table.exit_code == 0);
    CHECK(table.output.find("N,H,W,C = 1,4,4,16 on the device emulated; 640 bytes must be moved") != std::string::npos);
    CHECK(table.output.find("\n3 shipped") != std::string::npos);

    auto one = emulated;
    one.insert(one.end(), {"--version", "1"});
    CHECK(run_kernels(one).output.find("max_pool_pixel_by_pixel") != std::string::npos);
    one.push_back("--json");
    const auto object = nlohmann::json::parse(run_kernels(one).output);
    CHECK(object["correct"] == true);
    CHECK(object["launches"][0]["sites"].size() == 5);
    CHECK(object["launches"][0]["sites"][0]["of"] == "x");
}

TEST_CASE("bench kernels: a sweep has a row a size, and as JSON an object a version and size") {
    const std::vector<std::string> sweep = {"sum", "--device", "emulated", "--shape", "1024", "--sweep"};
    const CommandResult table = run_kernels(sweep);
    CHECK(table.exit_code == 0);
    for (const char* size : {"\n1024 ", "\n2048 ", "\n4096 ", "\n8192 "})
        CHECK(table.output.find(size) != std::string::npos);
    auto json = sweep;
    json.emplace_back("--json");
    std::istringstream lines(run_kernels(json).output);
    std::string line;
    std::vector<std::int64_t> sizes;
    while (std::getline(lines, line)) sizes.push_back(nlohmann::json::parse(line)["shape"][0]);
    REQUIRE(sizes.size() == 20);
    CHECK(sizes.front() == 1024);
    CHECK(sizes.back() == 8192);
    check_error(run_kernels({"sum", "--sweep", "--svg", "a.svg", "--device", "emulated"}), 2, {"--sweep"});
}

TEST_CASE("bench kernels: a picture of the bounds") {
    const TemporaryFolder folder;
    const std::string file = (folder / "bounds.svg").string();
    CHECK(run_kernels({"sum", "--device", "emulated", "--shape", "1024", "--svg", file}).exit_code == 0);
    const std::string text = read_text(file);
    CHECK(text.starts_with("<svg "));
    CHECK(text.find("2 a tree in shared memory, neighbours first") != std::string::npos);
    CHECK(text.ends_with("</svg>\n"));
    CHECK(run_kernels({"matrix_product_f32", "--device", "emulated", "--roofline", file}).exit_code == 0);
    const std::string roofline = read_text(file);
    CHECK(roofline.find("matrix_product_f32 under the roofs of H100") != std::string::npos);
    std::size_t points = 0;
    for (std::size_t i = roofline.find("<circle"); i != std::string::npos; i = roofline.find("<circle", i + 1))
        ++points;
    CHECK(points == 4);
    check_error(run_kernels({"sum", "--device", "emulated", "--shape", "64", "--roofline", file}), 2, {"--svg"});
    check_error(run_kernels({"sum", "--svg", "/nowhere/a.svg", "--device", "emulated", "--shape", "64"}), 1,
                {"/nowhere/a.svg"});
}

#endif

TEST_CASE("bench kernels: what it cannot do is said in a line") {
    check_error(run_kernels({"maxpool"}), 2, {"no kernel 'maxpool'", "max_pool"});
    check_error(run_kernels({"max_pool", "--gpu", "K80"}), 2, {"'K80'", "H100, A100, RTX4090, T4"});
    check_error(run_kernels({"max_pool", "--device", "cpu"}), 2, {"cuda and emulated"});
    check_error(run_kernels({"max_pool", "--device", "emulated", "--shape", "1,2"}), 2, {"N,H,W,C"});
    check_error(run_kernels({"max_pool", "--shape", "1x64x64x8"}), 2, {"--shape", "a whole number", "'1x64x64x8'"});
    check_error(run_kernels({"max_pool", "--device", "emulated", "--version", "9"}), 2, {"versions 1 to 3"});
    check_error(run_kernels({"--version", "1"}), 2, {"name it"});
    check_error(run_kernels({"concatenation", "--device", "emulated", "--shape", "1,4,4,3"}), 1, {"multiples of 8"});
}

}  // namespace camber::testing
