// Pictures read and written a few rows at a time.
#include <camber/picture_rows.h>
#include <doctest/doctest.h>

#include <cstring>

#include "io/image.h"
#include "io/label_file.h"
#include "io/png_writer.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

Image noise(int height, int width, int channels) {
    Image image(height, width, channels);
    unsigned state = 1;
    for (std::uint8_t& value : image.data)
        value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return image;
}

/// In blocks of several sizes.
Image all_of(PictureRows& rows) {
    Image image(rows.height(), rows.width(), rows.channels());
    for (int row = 0, count = 1; row < image.height; row += count, count = std::min(count + 1, image.height - row))
        rows.read(count, image.at(row, 0));
    return image;
}

}  // namespace

TEST_CASE("the rows of every kind of picture are those of the picture read whole") {
    int pictures = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(CAMBER_TEST_FIXTURES) / "pictures")) {
        for (const int channels : {1, 3, 4}) {
            Image whole;
            try {
                whole = read_image(entry.path(), channels);
            } catch (const Error& error) {
                const auto read = [&] { all_of(*open_picture_rows(entry.path(), channels)); };
                CHECK(error_of(read) == error.what());
                continue;
            }
            CAPTURE(entry.path().string());
            CHECK(all_of(*open_picture_rows(entry.path(), channels)) == whole);
            ++pictures;
        }
    }
    CHECK(pictures >= 60);
}

TEST_CASE("a picture that is cut short or damaged is said so with the last row, in the words of what reads it whole") {
    const TemporaryFolder folder;
    write_png(folder / "a.png", noise(300, 200, 3));
    const std::vector<std::uint8_t> jpeg = encode_jpeg(noise(300, 200, 3), 90);
    write_text(folder / "a.jpg", std::string(jpeg.begin(), jpeg.end()));
    for (const char* name : {"a.png", "a.jpg"}) {
        const std::string sound = read_text(folder / name);
        const auto refusals = [&](const std::string& bytes) {
            write_text(folder / name, bytes);
            const std::string whole = error_of([&] { read_image(folder / name, 3); });
            const std::string rows = error_of([&] { all_of(*open_picture_rows(folder / name, 3)); });
            CAPTURE(name);
            CHECK(whole != "");
            CHECK(rows == whole);
        };
        for (const double share : {0.0, 0.01, 0.3, 0.9}) {
            const auto bytes = static_cast<std::size_t>(share * static_cast<double>(sound.size()));
            refusals(sound.substr(0, bytes));
        }
        refusals(sound.substr(0, sound.size() - 3));
    }
    // A wrong checksum of pixels that decode all the same is one too.
    std::string png = (write_png(folder / "a.png", noise(300, 200, 3)), read_text(folder / "a.png"));
    png[png.size() - 13] = static_cast<char>(png[png.size() - 13] ^ 1);
    write_text(folder / "a.png", png);
    CHECK(mentions(error_of([&] { all_of(*open_picture_rows(folder / "a.png", 3)); }), {"a.png: ", "checksum"}));
}

TEST_CASE("whatever byte of a picture is another, its rows are those of the picture read whole, or refused alike") {
    const TemporaryFolder folder;
    write_png(folder / "a.png", noise(24, 30, 3));
    const std::vector<std::uint8_t> jpeg = encode_jpeg(noise(24, 30, 3), 90);
    write_text(folder / "a.jpg", std::string(jpeg.begin(), jpeg.end()));
    unsigned state = 7;
    const auto draw = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
    int refused = 0;
    for (const char* name : {"a.png", "a.jpg"}) {
        const fs::path file = folder / name;
        const std::string sound = read_text(file);
        for (int i = 0; i < 300; ++i) {
            std::string bytes = sound;
            bytes[draw() % bytes.size()] = static_cast<char>(draw());
            write_text(file, bytes);
            Image whole, rows;
            const std::string wrong = error_of([&] { whole = read_image(file, 3); });
            CHECK(error_of([&] { rows = all_of(*open_picture_rows(file, 3)); }) == wrong);
            CHECK(rows == whole);
            refused += !wrong.empty();
        }
    }
    CHECK(refused > 300);
}

TEST_CASE("rows are written as a PNG, of bytes and of 16 bits") {
    const TemporaryFolder folder;
    for (const int channels : {1, 3, 4}) {
        const Image image = noise(37, 23, channels);
        PngWriter writer(folder / "a.png", image.height, image.width, channels);
        writer.write(30, image.data.data());
        writer.write(7, image.at(30, 0));
        writer.commit();
        CHECK(read_image(folder / "a.png", channels) == image);
    }
    std::vector<std::uint16_t> values;
    for (int i = 0; i < 37 * 23; ++i) values.push_back(static_cast<std::uint16_t>(i * 77));
    PngWriter writer(folder / "b.png", 37, 23, 1, 16);
    writer.write(37, values.data());
    writer.commit();
    const LabelFile stored = read_label_file(folder / "b.png");
    CHECK(stored.bits == 16);
    CHECK(stored.ids == values);
    CHECK(folder.file_count() == 2);
    {
        PngWriter uncommitted(folder / "c.png", 37, 23, 1);
        uncommitted.write(10, noise(10, 23, 1).data.data());
    }
    CHECK(folder.file_count() == 2);
}
