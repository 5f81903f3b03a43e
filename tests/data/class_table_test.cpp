#include <camber/class_table.h>
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
    CHECK(mentions(error(
                       R"({"name": "x", "classes": [{"name": "a", "colour": [0, 0, 300]}],
                "void": {"id": 1, "name": "v", "colour": [0, 0, 0]}})"),
                   {"300"}));
    CHECK(mentions(error(
                       R"({"name": "x", "classes": [{"name": "a", "colour": [0, 0, 3]}],
                "void": {"id": 0, "name": "v", "colour": [0, 0, 0]}})"),
                   {"void id 0", "1..255"}));
}

TEST_CASE("what is wrong with a class table is said in the project's words") {
    TemporaryFolder folder;
    const auto error = [&](const std::string& text) {
        write_text(folder / "classes.json", text);
        const std::string message = error_of([&] { read_class_table(folder / "classes.json"); });
        CHECK(message.find("json.exception") == std::string::npos);
        CHECK(message.find('\n') == std::string::npos);
        return message.substr(message.find("classes.json"));
    };
    const std::string rest = R"("void": {"id": 255, "name": "v", "colour": [0, 0, 0]}})";
    CHECK(error(" \n") == "classes.json: is empty, not a class table");
    CHECK(error("{\"name\": \"x\",\n\"classes\": oops}") ==
          "classes.json line 2: not a class table: no JSON from byte 26 on");
    CHECK(error("[]") == "classes.json must be a JSON object, not []");
    CHECK(error(R"({"name": "x", "classes": []})") == "classes.json: the table's 'void' is missing");
    CHECK(error(R"({"name": 3, "classes": [], )" + rest) == "classes.json: name must be text, not 3");
    CHECK(error(R"({"name": "x", "classes": 1, )" + rest) == "classes.json: classes must be a list, not 1");
    CHECK(error(R"({"name": "x", "classes": [{"name": 3, "colour": [1, 2, 3]}], )" + rest) ==
          "classes.json: classes[0].name must be text, not 3");
    CHECK(error(R"({"name": "x", "classes": [{"name": "a"}], )" + rest) ==
          "classes.json: classes[0]: its 'colour' is missing");
    CHECK(error(R"({"name": "x", "classes": [{"name": "a", "colour": [1, 2]}], )" + rest) ==
          "classes.json: classes[0].colour must be three whole numbers from 0 to 255, not [1,2]");
    CHECK(error("\x1b[31m\xe9") == "classes.json: not a class table: no JSON from byte 1 on");
}
