#include "io/zip.h"

#include <doctest/doctest.h>

#include "io/archive.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

std::string refusal(const std::string& contents) {
    const TemporaryFolder folder;
    const std::string path = (folder / "a.zip").string();
    write_text(path, contents);
    const std::string message = error_of([&] { read_zip(InputFile(path)); });
    CAPTURE(message);
    CHECK(message.find(path) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    return message;
}

}  // namespace

TEST_CASE("members of a zip archive are pieces of the file") {
    const TemporaryFolder folder;
    write_text(folder / "a", zip_archive({{"one", "1111"}, {"dir/two", ""}, {"three", "33"}}));
    const InputFile file(folder / "a");
    CHECK(looks_like_zip(file));
    const auto members = read_zip(file);
    REQUIRE(members.size() == 3);
    CHECK(members.at("dir/two").size == 0);
    char text[2];
    file.read(members.at("three").begin, text, 2);
    CHECK(std::string(text, 2) == "33");
}

TEST_CASE("zip64 sizes and offsets are followed, and a comment is passed over") {
    const TemporaryFolder folder;
    const std::string member = "abcd";
    const std::string local =
        "PK\3\4" + little(45, 2) + std::string(20, '\0') + little(1, 2) + little(0, 2) + "m" + member;
    const std::string list = "PK\1\2" + little(45, 2) + little(45, 2) + std::string(12, '\0') + little(0xffffffff, 4) +
                             little(0xffffffff, 4) + little(1, 2) + little(28, 2) + std::string(10, '\0') +
                             little(0xffffffff, 4) + "m" + little(1, 2) + little(24, 2) + little(4, 8) + little(4, 8) +
                             little(0, 8);
    const std::string end64 = "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + std::string(8, '\0') +
                              little(1, 8) + little(1, 8) + little(list.size(), 8) + little(local.size(), 8);
    const std::string locator = "PK\6\7" + little(0, 4) + little(local.size() + list.size(), 8) + little(1, 4);
    const std::string end = "PK\5\6" + std::string(4, '\0') + little(0xffff, 2) + little(0xffff, 2) +
                            little(0xffffffff, 4) + little(0xffffffff, 4) + little(7, 2) + "comment";
    write_text(folder / "a", local + list + end64 + locator + end);
    const auto members = read_zip(InputFile(folder / "a"));
    REQUIRE(members.contains("m"));
    CHECK(members.at("m").begin == 31);
    CHECK(members.at("m").size == 4);
    CHECK(mentions(refusal(local + list + end64 + end), {"zip64 locator"}));
    CHECK(mentions(refusal(local + list + "PK\6\7" + little(0, 4) + little(~0ull, 8) + little(1, 4) + end),
                   {"zip64 end record"}));
}

TEST_CASE("zip archives that are damaged or would expand are refused in one line") {
    const std::string good = zip_archive({{"one", "1111"}, {"two", "2222"}});
    CHECK(mentions(refusal(""), {"too short"}));
    CHECK(mentions(refusal("PK\3\4"), {"too short"}));
    CHECK(mentions(refusal(std::string(100'000, 'x')), {"list of members is missing"}));
    for (const std::size_t bytes : {good.size() - 1, good.size() - 22, good.size() / 2}) {
        CHECK(mentions(refusal(good.substr(0, bytes)), {"damaged zip archive"}));
    }
    CHECK(mentions(refusal(good.substr(4)), {"damaged zip archive"}));
    CHECK(mentions(refusal(zip_archive({{"one", "1111", 0, 1}})), {"'one'", "encrypted"}));
    CHECK(mentions(refusal(zip_archive({{"one", "1"}, {"one", "2"}})), {"'one' twice"}));
    CHECK(mentions(refusal(zip_archive({{"one", "1", 0, 0, 1 << 30}})), {"ends outside the file"}));
    CHECK(mentions(refusal(zip_archive({{"one", "1", 0, 0, -1, 5000}})), {"not where the list says"}));
    // The bomb of many members that are all the same bytes.
    CHECK(mentions(refusal(zip_archive({{"one", "1111"}, {"two", "2222", 0, 0, -1, 0}})), {"overlap"}));
    std::string many = good;
    many.replace(many.size() - 12, 2, little(60'000, 2));
    CHECK(mentions(refusal(many), {"more members than"}));
    std::string away = good;
    away.replace(away.size() - 6, 4, little(1 << 30, 4));
    CHECK(mentions(refusal(away), {"outside the file"}));
}
