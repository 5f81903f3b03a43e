#include <camber/data.h>
#include <camber/image.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <set>

#include "small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

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
