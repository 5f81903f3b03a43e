#include <camber/image.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "io/label_file.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;

namespace {

const std::string folder = CAMBER_TEST_FIXTURES "/pictures/";

/// By file: what Pillow and NumPy read.
const nlohmann::json& goldens() {
    static const nlohmann::json all = [] {
        std::ifstream file(CAMBER_TEST_FIXTURES "/pictures.json");
        return nlohmann::json::parse(file);
    }();
    return all;
}

std::vector<int> numbers(const auto& values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("the ids and colours of a label map of every kind are those that Pillow and NumPy read") {
    int files = 0;
    for (const auto& [name, golden] : goldens().items()) {
        CAPTURE(name);
        if (name.ends_with(".jpg") || name.starts_with("rgb16") || name.starts_with("rgba16")) continue;
        const LabelFile label = read_label_file(folder + name);
        const bool colour = name.starts_with("rgb"), palette = name.starts_with("palette");
        CHECK(label.height == 9);
        CHECK(label.width == 13);
        CHECK(label.kind == (colour    ? LabelFile::Kind::colour
                             : palette ? LabelFile::Kind::palette
                                       : LabelFile::Kind::grey));
        CHECK(label.bits == std::stoi(name.substr(name.find_first_of("123456789"))));
        CHECK(label.palette.size() == (palette ? std::size_t{1} << label.bits : 0));
        CHECK((colour ? numbers(label.colours.data) : numbers(label.ids)) == golden["samples"].get<std::vector<int>>());
        ++files;
    }
    CHECK(files == 24);
}

TEST_CASE("a picture of every kind is what Pillow makes of it: RGB, grey and RGBA") {
    for (const auto& [name, golden] : goldens().items()) {
        CAPTURE(name);
        if (!golden.contains("rgb")) {  // the upper 8 of 16 bits
            std::vector<int> upper;
            for (const int sample : golden["samples"].get<std::vector<int>>())
                upper.insert(upper.end(), 3, sample >> 8);
            CHECK(numbers(read_image(folder + name).data) == upper);
            continue;
        }
        for (const auto& [key, channels] : {std::pair{"rgb", 3}, std::pair{"grey", 1}, std::pair{"rgba", 4}}) {
            CAPTURE(key);
            const Image image = read_image(folder + name, channels);
            const auto expected = golden[key].get<std::vector<int>>();
            REQUIRE(image.channels == channels);
            REQUIRE(image.data.size() == expected.size());
            int most = 0;
            for (std::size_t i = 0; i < expected.size(); ++i)
                most = std::max(most, std::abs(image.data[i] - expected[i]));
            // T.81 leaves the last bit of a JPEG's transform open, and how chroma is enlarged.
            CHECK(most <= (name == "subsampled.jpg" ? 12 : name.ends_with(".jpg") ? 3 : 0));
        }
    }
}

TEST_CASE("label maps that are none say why") {
    CHECK(mentions(error_of([] { read_label_file(folder + "subsampled.jpg"); }),
                   {"subsampled.jpg: is a JPEG, which changes ids", "must be a PNG"}));
    CHECK(mentions(error_of([] { read_label_file(folder + "rgb16.png"); }), {"rgb16.png", "16-bit colours"}));
    CHECK(mentions(error_of([] { read_label(folder + "rgb8.png"); }), {"rgb8.png", "8-bit colour"}));
    CHECK(mentions(error_of([] { read_label(folder + "grey16.png"); }), {"grey16.png: id ", "above 255"}));
    CHECK(read_label(folder + "palette4.png").data.size() == 9 * 13);
}
