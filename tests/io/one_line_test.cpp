#include <camber/error.h>
#include <doctest/doctest.h>

#include <string>

using namespace camber;

TEST_CASE("any text becomes a line that a terminal shows and does not obey") {
    CHECK(one_line("plain, d\xc3\xa9j\xc3\xa0 vu, \xe9\x81\x93, \xf0\x9f\x9a\x97") ==
          "plain, d\xc3\xa9j\xc3\xa0 vu, \xe9\x81\x93, \xf0\x9f\x9a\x97");
    CHECK(one_line("a\nb\tc\r\x1b[31m\x7f") == "a\\nb\\tc\\x0d\\x1b[31m\\x7f");
    CHECK(one_line(std::string_view("a\0b", 3)) == "a\\x00b");
    CHECK(one_line("\xc2\x9b"
                   "31m \xe2\x80\xae \xe2\x80\xa8") == "\\u009b31m \\u202e \\u2028");
    CHECK(one_line("\xef\xbb\xbf \xe2\x80\x8b \xc2\xad") == "\\ufeff \\u200b \\u00ad");  // not seen at all
    // Latin-1, an overlong slash, a surrogate, beyond Unicode, cut short.
    CHECK(one_line("donn\xe9 \xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80 \xe2\x82") ==
          "donn\\xe9 \\xc0\\xaf \\xed\\xa0\\x80 \\xf5\\x80\\x80\\x80 \\xe2\\x82");
    const std::string once = one_line("a\n\xe9\x1b");
    CHECK(one_line(once) == once);
    CHECK(one_line(std::string(5000000, 'x')).size() < 2100);
    CHECK(is_utf8("d\xc3\xa9j\xc3\xa0"));
    CHECK_FALSE(is_utf8("d\xe9j\xe0"));
}

TEST_CASE("errors carry their message whole, in a line, and no error is not called success") {
    CHECK(std::string(Error(std::string("a\0b\nc", 5)).what()) == "a\\x00b\\nc");
    CHECK(error_text(0).find("Success") == std::string::npos);
    CHECK(error_text(28) == "No space left on device");
}
