#include <camber/data.h>
#include <doctest/doctest.h>

#include <set>

#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("camvid11: 11 classes of distinct colours, void 11") {
    const ClassTable& table = camvid11();
    CHECK(table.count() == 11);
    CHECK(table.colours.size() == 11);
    CHECK(table.void_id == 11);
    CHECK(table.name_of(8) == "Car");
    CHECK(table.name_of(11) == "Unlabelled");
    CHECK(table.name_of(57) == "?");
    CHECK(table.colour_of(4) == Rgb{60, 40, 222});
    CHECK(std::set<Rgb>(table.colours.begin(), table.colours.end()).size() == 11);
    CHECK(table.valid(0));
    CHECK(table.valid(11));
    CHECK_FALSE(table.valid(12));
    CHECK_FALSE(table.valid(-1));
}

TEST_CASE("class tables go through JSON unchanged, and data/ holds the built-in one") {
    TemporaryFolder folder;
    write_text(folder / "classes.json", class_table_json(camvid11()));
    const ClassTable read = read_class_table(folder / "classes.json");
    CHECK(read.names == camvid11().names);
    CHECK(read.colours == camvid11().colours);
    CHECK(read.void_id == 11);
    CHECK(read_text(std::string(CAMBER_TEST_FIXTURES) + "/../../data/camvid11.json") == class_table_json(camvid11()));
}

TEST_CASE("faulty class tables are refused with the file's name") {
    TemporaryFolder folder;
    const auto error = [&](const std::string& text) {
        write_text(folder / "classes.json", text);
        return error_of([&] { read_class_table(folder / "classes.json"); });
    };
    CHECK(mentions(error("{"), {"classes.json", "not a class table"}));
    CHECK(mentions(error(R"({"name": "x", "classes": [], "void": {"id": 0, "name": "v", "colour": [0, 0, 0]}})"),
                   {"0 classes"}));
    CHECK(mentions(
        error(
            R"({"name": "x", "classes": [{"name": "a", "colour": [0, 0, 300]}], "void": {"id": 1, "name": "v", "colour": [0, 0, 0]}})"),
        {"300"}));
    CHECK(mentions(
        error(
            R"({"name": "x", "classes": [{"name": "a", "colour": [0, 0, 3]}], "void": {"id": 0, "name": "v", "colour": [0, 0, 0]}})"),
        {"void id 0", "1..255"}));
    CHECK(mentions(error_of([] { class_table("kitti"); }), {"kitti", "camvid11"}));
}
