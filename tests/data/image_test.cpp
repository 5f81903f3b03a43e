#include <camber/image.h>
#include <camber/label_picture.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

TEST_CASE("PNG files come back as written") {
    TemporaryFolder folder;
    const Image image = patterned_image(9, 13), label = patterned_label(9, 13);
    write_png(folder / "image.png", image);
    write_png(folder / "label.png", label);
    CHECK(read_image(folder / "image.png") == image);
    CHECK(read_label(folder / "label.png") == label);
    CHECK(folder.file_count() == 2);
}

TEST_CASE("files that are no whole image are refused") {
    TemporaryFolder folder;
    write_png(folder / "good.png", patterned_image(40, 40));
    const auto png = read_bytes(folder / "good.png"), jpeg = encode_jpeg(patterned_image(40, 40));
    const auto error = [&](const std::string& name) { return error_of([&] { read_image(folder / name); }); };
    const auto cut = [](std::vector<unsigned char> bytes, std::size_t keep) {
        bytes.resize(keep);
        return bytes;
    };

    CHECK(mentions(error("none.png"), {"none.png", "No such file"}));
    write_bytes(folder / "empty.png", {});
    CHECK(mentions(error("empty.png"), {"empty.png", "is empty"}));
    write_text(folder / "text.jpg", "this is no image");
    CHECK(mentions(error("text.jpg"), {"text.jpg", "not a PNG or JPEG"}));
    write_bytes(folder / "whole.jpg", jpeg);
    CHECK(read_image(folder / "whole.jpg").height == 40);

    // Wherever a file is cut, it is noticed: stb_image alone would accept many of these.
    for (const std::size_t percent : {1, 10, 30, 50, 70, 90, 99}) {
        write_bytes(folder / "cut.png", cut(png, png.size() * percent / 100));
        CHECK(mentions(error("cut.png"), {"cut.png"}));
        write_bytes(folder / "cut.jpg", cut(jpeg, jpeg.size() * percent / 100));
        CHECK(mentions(error("cut.jpg"), {"cut.jpg"}));
    }
    for (const std::size_t missing : {1, 2, 3, 12}) {
        write_bytes(folder / "cut.png", cut(png, png.size() - missing));
        CHECK(mentions(error("cut.png"), {"cut short"}));
        write_bytes(folder / "cut.jpg", cut(jpeg, jpeg.size() - missing));
        CHECK(mentions(error("cut.jpg"), {"cut short"}));
    }
    auto damaged = png;
    damaged[damaged.size() / 2] ^= 0x10;
    write_bytes(folder / "damaged.png", damaged);
    CHECK(mentions(error("damaged.png"), {"damaged.png", "checksum"}));

    auto longer = jpeg;  // cameras append thumbnails and padding
    longer.insert(longer.end(), 100, 0);
    write_bytes(folder / "longer.jpg", longer);
    CHECK(error("longer.jpg").empty());
}

namespace {

/// Exif with nothing but an orientation, of either byte order.
std::vector<unsigned char> exif_of(int orientation, bool little) {
    const auto value = static_cast<unsigned char>(orientation);
    if (little) return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0};
}

std::vector<unsigned char> jpeg_with_exif(std::vector<unsigned char> jpeg, const std::vector<unsigned char>& tiff) {
    std::vector<unsigned char> segment = {0xFF, 0xE1, 0, static_cast<unsigned char>(tiff.size() + 8), 'E', 'x', 'i',
                                          'f',  0,    0};
    segment.insert(segment.end(), tiff.begin(), tiff.end());
    jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
    return jpeg;
}

std::vector<unsigned char> png_with_exif(std::vector<unsigned char> png, const std::vector<unsigned char>& tiff) {
    std::vector<unsigned char> chunk = {'e', 'X', 'I', 'f'};
    chunk.insert(chunk.end(), tiff.begin(), tiff.end());
    unsigned crc = ~0u;
    for (const unsigned char byte : chunk) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? 0xEDB88320u ^ crc >> 1 : crc >> 1;
    }
    chunk.insert(chunk.begin(), {0, 0, 0, static_cast<unsigned char>(tiff.size())});
    for (const int shift : {24, 16, 8, 0}) chunk.push_back(static_cast<unsigned char>(~crc >> shift));
    png.insert(png.begin() + 33, chunk.begin(), chunk.end());  // behind the signature and IHDR
    return png;
}

/// Where pixel (y, x) of the upright picture lies in one of height x width stored with an orientation, as Exif 2.32
/// words it: what the stored picture's first row and first column are of the scene.
std::pair<int, int> stored_at(int orientation, int height, int width, int y, int x) {
    switch (orientation) {
        case 2:  // top, right
            return {y, width - 1 - x};
        case 3:  // bottom, right
            return {height - 1 - y, width - 1 - x};
        case 4:  // bottom, left
            return {height - 1 - y, x};
        case 5:  // left, top
            return {x, y};
        case 6:  // right, top
            return {height - 1 - x, y};
        case 7:  // right, bottom
            return {height - 1 - x, width - 1 - y};
        case 8:  // left, bottom
            return {x, width - 1 - y};
        default:
            return {y, x};
    }
}

}  // namespace

TEST_CASE("pictures and label maps are read upright, as their Exif orientation says") {
    const TemporaryFolder folder;
    const auto check = [&](const fs::path& file, const Image& stored, const Image& read, int orientation) {
        CAPTURE(file);
        CAPTURE(orientation);
        const bool turned = orientation > 4;
        REQUIRE(read.height == (turned ? stored.width : stored.height));
        REQUIRE(read.width == (turned ? stored.height : stored.width));
        bool same = true;
        for (int y = 0; y < read.height; ++y) {
            for (int x = 0; x < read.width; ++x) {
                const auto [row, column] = stored_at(orientation, stored.height, stored.width, y, x);
                same = same && std::equal(read.at(y, x), read.at(y, x) + read.channels, stored.at(row, column));
            }
        }
        CHECK(same);
    };
    const fs::path jpeg = folder / "a.jpg", png = folder / "a.png", label = folder / "l.png";
    write_bytes(jpeg, encode_jpeg(patterned_image(11, 18)));
    write_png(png, patterned_image(5, 7));
    write_png(label, patterned_label(5, 7));
    const auto plain_jpeg = read_bytes(jpeg), plain_png = read_bytes(png), plain_label = read_bytes(label);
    const Image stored_jpeg = read_image(jpeg), stored_png = read_image(png), stored_label = read_label(label);
    for (const bool little : {false, true}) {
        for (int orientation = 0; orientation <= 9; ++orientation) {  // 0 and 9 mean nothing
            const auto tiff = exif_of(orientation, little);
            write_bytes(jpeg, jpeg_with_exif(plain_jpeg, tiff));
            check(jpeg, stored_jpeg, read_image(jpeg), orientation == 9 ? 1 : orientation);
            write_bytes(png, png_with_exif(plain_png, tiff));
            check(png, stored_png, read_image(png), orientation == 9 ? 1 : orientation);
            write_bytes(label, png_with_exif(plain_label, tiff));
            check(label, stored_label, read_label(label), orientation == 9 ? 1 : orientation);
        }
        // Exif that is cut anywhere, or points anywhere, is no reason to refuse a picture.
        const auto tiff = exif_of(6, little);
        for (std::size_t i = 0; i < tiff.size(); ++i) {
            write_bytes(jpeg, jpeg_with_exif(plain_jpeg, {tiff.begin(), tiff.begin() + static_cast<long>(i)}));
            CHECK(error_of([&] { read_image(jpeg); }).empty());
            auto wrong = tiff;
            wrong[i] = 0xFF;
            write_bytes(jpeg, jpeg_with_exif(plain_jpeg, wrong));
            CHECK(error_of([&] { read_image(jpeg); }).empty());
        }
    }
}

TEST_CASE("a JPEG whose scan cannot hold what its header says is cut short") {
    const TemporaryFolder folder;
    auto jpeg = encode_jpeg(patterned_image(48, 64));
    const std::vector<unsigned char> frame = {0xFF, 0xC0, 0, 17, 8, 0, 48, 0, 64};
    const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
    REQUIRE(at != jpeg.end());
    const auto claim = [&](int height, int width) {
        at[5] = static_cast<unsigned char>(height >> 8), at[6] = static_cast<unsigned char>(height);
        at[7] = static_cast<unsigned char>(width >> 8), at[8] = static_cast<unsigned char>(width);
        write_bytes(folder / "a.jpg", jpeg);
        return error_of([&] { read_image(folder / "a.jpg"); });
    };
    CHECK(claim(48, 64).empty());
    CHECK(mentions(claim(4800, 6400), {"a.jpg", "cut short", "6400x4800 (width x height)"}));
    CHECK(mentions(claim(8000, 8000), {"a.jpg", "cut short"}));
    // The flattest picture that an encoder makes has blocks of little more than the least size.
    Image flat(800, 600, 3);
    write_bytes(folder / "flat.jpg", encode_jpeg(flat));
    CHECK(read_image(folder / "flat.jpg").height == 800);
}

TEST_CASE("label maps must be 8-bit grey PNG") {
    TemporaryFolder folder;
    write_png(folder / "colour.png", patterned_image(8, 8));
    CHECK(mentions(error_of([&] { read_label(folder / "colour.png"); }), {"colour.png", "8-bit colour", "8-bit grey"}));
    write_bytes(folder / "label.jpg", encode_jpeg(patterned_image(8, 8)));
    CHECK(mentions(error_of([&] { read_label(folder / "label.jpg"); }), {"label.jpg", "must be a PNG"}));
}

TEST_CASE("a picture that cannot be written leaves nothing behind") {
    TemporaryFolder folder;
    CHECK(mentions(error_of([&] { write_png(folder / "missing" / "x.png", patterned_image(8, 8)); }), {"x.png"}));

    // A file size limit stands in for a full disk.
    write_png(folder / "old.png", patterned_image(8, 8));
    const Image old = read_image(folder / "old.png");
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string error = error_of([&] { write_png(folder / "old.png", patterned_image(100, 100)); });
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    CHECK(mentions(error, {"old.png", "File too large"}));
    CHECK(folder.file_count() == 1);
    CHECK(read_image(folder / "old.png") == old);
}

TEST_CASE("nearest resizing never makes an id that was not there") {
    Image label(7, 9, 1);
    for (std::size_t i = 0; i < label.data.size(); ++i) label.data[i] = i % 2 == 0 ? 0 : 10;
    for (const auto& [h, w] : {std::pair{3, 4}, {7, 9}, {14, 18}, {50, 2}, {1, 1}}) {
        const Image resized = resize_nearest(label, h, w);
        const std::set<int> ids(resized.data.begin(), resized.data.end());
        for (const int id : ids) CHECK((id == 0 || id == 10));
    }
    CHECK(resize_nearest(label, 7, 9) == label);
    // Doubling repeats every pixel.
    const Image doubled = resize_nearest(label, 14, 18);
    for (int y = 0; y < 14; ++y) {
        for (int x = 0; x < 18; ++x) CHECK(*doubled.at(y, x) == *label.at(y / 2, x / 2));
    }
}

TEST_CASE("area resizing averages, keeps constants and copies the same size") {
    const Image image = patterned_image(8, 12);
    CHECK(resize_area(image, 8, 12) == image);
    const Image half = resize_area(image, 4, 6);
    for (int y = 0; y < 4; ++y) {
        for (int x = 0; x < 6; ++x) {
            for (int c = 0; c < 3; ++c) {
                const int sum = image.at(2 * y, 2 * x)[c] + image.at(2 * y, 2 * x + 1)[c] +
                                image.at(2 * y + 1, 2 * x)[c] + image.at(2 * y + 1, 2 * x + 1)[c];
                CHECK(std::abs(half.at(y, x)[c] - sum / 4.0) <= 0.5);
            }
        }
    }
    Image flat(10, 10, 3);
    std::fill(flat.data.begin(), flat.data.end(), std::uint8_t{137});
    for (const auto& [h, w] : {std::pair{3, 7}, {23, 5}, {1, 1}, {31, 31}}) {
        const Image resized = resize_area(flat, h, w);
        for (const int v : resized.data) CHECK(v == 137);
    }
}

TEST_CASE("label colours, overlay and panels") {
    const Image image = patterned_image(6, 8);
    Image label(6, 8, 1);
    label.data.assign(label.data.size(), 3);
    *label.at(0, 0) = 11;
    *label.at(0, 1) = 77;
    const Image colours = colour_labels(label, camvid11());
    CHECK(Rgb{colours.at(0, 0)[0], colours.at(0, 0)[1], colours.at(0, 0)[2]} == Rgb{0, 0, 0});
    CHECK(Rgb{colours.at(0, 1)[0], colours.at(0, 1)[1], colours.at(0, 1)[2]} == Rgb{255, 255, 255});
    CHECK(Rgb{colours.at(5, 7)[0], colours.at(5, 7)[1], colours.at(5, 7)[2]} == Rgb{128, 64, 128});

    CHECK(overlay_labels(image, label, camvid11(), 0) == image);
    const Image painted = overlay_labels(image, label, camvid11(), 1);
    CHECK(std::equal(painted.at(0, 0), painted.at(0, 0) + 3, image.at(0, 0)));  // void keeps the image
    CHECK(std::equal(painted.at(5, 7), painted.at(5, 7) + 3, colours.at(5, 7)));

    const Image three = side_by_side(image, label, resize_nearest(label, 3, 4), camvid11());
    CHECK(three.height == 6);
    CHECK(three.width == 3 * 8 + 2 * 4);
    CHECK(side_by_side(image, {}, label, camvid11()).width == 2 * 8 + 4);
}
