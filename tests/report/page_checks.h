#pragma once
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace camber::testing {

/// Every element is closed where it must be, and the page needs nothing but itself.
inline void check_page(std::string page) {
    // Pictures' letters may spell anything.
    for (std::size_t at = page.find(";base64,"); at != std::string::npos; at = page.find(";base64,", at + 1))
        page.erase(at + 8, page.find('"', at) - at - 8);
    std::vector<std::string> open;
    const std::size_t body = page.find("-->\n") + 4;
    for (std::size_t at = page.find('<', body); at != std::string::npos; at = page.find('<', at + 1)) {
        const std::size_t end = page.find('>', at);
        REQUIRE(end != std::string::npos);
        const std::string tag = page.substr(at + 1, end - at - 1);
        const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
        if (tag.starts_with("/")) {
            REQUIRE(!open.empty());
            REQUIRE(tag.substr(1) == open.back());
            open.pop_back();
        } else if (!tag.ends_with("/")) {
            open.push_back(name);
        }
    }
    CHECK(open.empty());
    for (const char* foreign : {"<script", "http:", "https:", "url(", "@import", "<link", "<iframe", "javascript:"})
        CHECK_MESSAGE(page.find(foreign) == std::string::npos, std::string(foreign));
    for (std::size_t at = page.find(" src=\""); at != std::string::npos; at = page.find(" src=\"", at + 1))
        CHECK(page.compare(at + 6, 11, "data:image/") == 0);
    for (const char* undefined : {">nan", ">null", ">inf", "nan%", "NaN", "width:nan", "\"nan\"", "-nan"})
        CHECK_MESSAGE(page.find(undefined) == std::string::npos, std::string(undefined));
}

}  // namespace camber::testing
