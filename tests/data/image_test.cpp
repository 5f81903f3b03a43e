#include <camber/data_folder.h>
#include <camber/image.h>
#include <camber/label_picture.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <random>
#include <set>
#include <string_view>

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
    write_bytes(folder / "scan.png", {'I', 'I', '*', 0, 8, 0, 0, 0});
    CHECK(mentions(error("scan.png"), {"scan.png: is a TIFF picture; PNG and JPEG are read: convert it"}));
    write_text(folder / "web.jpg", "RIFF....WEBPVP8 ");
    CHECK(mentions(error("web.jpg"), {"web.jpg: is a WebP picture"}));
    write_text(folder / "short.jpg", "RIFF....WEB");
    CHECK(mentions(error("short.jpg"), {"short.jpg", "not a PNG or JPEG"}));
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

std::vector<unsigned char> png_chunk(const std::string& name, const std::vector<unsigned char>& data) {
    std::vector<unsigned char> chunk(name.begin(), name.end());
    chunk.insert(chunk.end(), data.begin(), data.end());
    unsigned crc = ~0u;
    for (const unsigned char byte : chunk) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? 0xEDB88320u ^ crc >> 1 : crc >> 1;
    }
    chunk.insert(chunk.begin(), {0, 0, 0, static_cast<unsigned char>(data.size())});
    for (const int shift : {24, 16, 8, 0}) chunk.push_back(static_cast<unsigned char>(~crc >> shift));
    return chunk;
}

std::vector<unsigned char> png_with_exif(std::vector<unsigned char> png, const std::vector<unsigned char>& tiff) {
    const auto chunk = png_chunk("eXIf", tiff);
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

TEST_CASE("a frame is turned as its label map's size says, and where that says nothing a warning does") {
    const TemporaryFolder folder;
    for (const char* kind : {"images", "masks"}) fs::create_directories(folder / kind);
    const fs::path frame = folder / "images/a.png", label = folder / "masks/a.png";
    const Image stored = patterned_image(4, 6);
    const auto frame_of = [&](int orientation, int height, int width) {
        write_png(frame, stored);
        write_bytes(frame, png_with_exif(read_bytes(frame), exif_of(orientation, true)));
        write_png(label, Image(height, width, 1));
        const DataFolder data = DataFolder::open(folder.path());
        const std::string notes = fmt::format("{}", fmt::join(data.notes(), "\n"));
        CHECK((notes.find("warning: ") != notes.npos) == (orientation == 3));
        CHECK((notes.find("taken as it is stored") != notes.npos) == (orientation == 6 && height == 4));
        return data.dataset("train").sample(0)->image;
    };
    CHECK(frame_of(6, 4, 6) == stored);
    const Image turned = frame_of(6, 6, 4);
    CHECK(turned == read_image(frame));
    const Image upside_down = frame_of(3, 4, 6);
    CHECK(upside_down == read_image(frame));
    CHECK(frame_of(1, 4, 6) == stored);
    CHECK(mentions(error_of([&] { frame_of(6, 5, 5); }), {"a.png", "5x5", "4x6", "Exif", "orientation 6"}));
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

namespace {

// 20x24 grey, of six scans with a restart marker every two blocks: Pillow's save("JPEG", quality=50, progressive=True,
// restart_marker_blocks=2).
constexpr std::string_view progressive_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c39"
    "33383740485c4e404457453738506d51575f626768673e4d71797064785c656763ffc2000b080018001401011100ffc40016000003000000"
    "0000000000000000000000030405ffdd00040002ffda00080101000000017a37ffd0154fffd150dfffd27e2fffd31fffc400171001010101"
    "00000000000000000000000032030433ffda00080101000105029f3d0fffd09898ffd1ba99ffd298d0bfffd398ffc4001510010100000000"
    "000000000000000000001000ffda0008010100063f023fffd03fffd13fffd23fffd3bfffc4001b1000030002030000000000000000000000"
    "000111214191a1b1ffda0008010100013f21d8241fffd0788729ffd1ef12ae11ffd261ee7fffd35a94ffda0008010100000010bfffd0bfff"
    "d1bfffd27fffd3ff00ffc4001c1001000301010101010000000000000000010011214131b15191ffda0008010100013f103e85d9d970d253"
    "c67fffd0e635b842fb431f39f27fffd1d9b0a51947ca7fffd2c206d5bbe45d51fc54ffd3cc347f67ffd9";

std::vector<unsigned char> from_hex(std::string_view text) {
    std::vector<unsigned char> bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes.push_back(static_cast<unsigned char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

/// Where the codes of each scan begin and end.
std::vector<std::pair<std::size_t, std::size_t>> scans_of(const std::vector<unsigned char>& jpeg) {
    std::vector<std::pair<std::size_t, std::size_t>> scans;
    for (std::size_t at = 2; jpeg[at + 1] != 0xD9;) {
        const bool scan = jpeg[at + 1] == 0xDA;
        at += 2 + (std::size_t{jpeg[at + 2]} << 8 | jpeg[at + 3]);
        if (!scan) continue;
        const std::size_t begin = at;
        while (jpeg[at] != 0xFF || jpeg[at + 1] == 0 || (jpeg[at + 1] >= 0xD0 && jpeg[at + 1] <= 0xD7)) ++at;
        scans.emplace_back(begin, at);
    }
    return scans;
}

}  // namespace

TEST_CASE("a JPEG that lacks a byte of any scan is cut short") {
    const TemporaryFolder folder;
    Image noise(40, 56, 3);
    std::mt19937 random(1);
    for (auto& value : noise.data) value = static_cast<std::uint8_t>(random());
    for (const auto& jpeg : {from_hex(progressive_jpeg), encode_jpeg(noise), encode_jpeg(Image(40, 56, 3))}) {
        write_bytes(folder / "a.jpg", jpeg);
        CHECK(error_of([&] { read_image(folder / "a.jpg"); }).empty());
        for (const auto& [begin, end] : scans_of(jpeg)) {
            CAPTURE(begin);
            REQUIRE(end - begin > 4);
            for (const std::size_t missing : {std::size_t{1}, std::size_t{2}, (end - begin) / 2, end - begin}) {
                CAPTURE(missing);
                auto cut = jpeg;
                const auto from = cut.begin() + static_cast<long>(end - missing);
                cut.erase(from - (from[-1] == 0xFF), cut.begin() + static_cast<long>(end));
                write_bytes(folder / "a.jpg", cut);
                CHECK(mentions(error_of([&] { read_image(folder / "a.jpg"); }), {"a.jpg: is cut short: a scan holds"}));
            }
        }
    }
    // A restart marker that is not where it must be: what follows would be grey.
    auto jpeg = from_hex(progressive_jpeg);
    const auto [begin, end] = scans_of(jpeg)[0];
    for (std::size_t at = begin; at < end; ++at)
        if (jpeg[at] == 0xFF && jpeg[at + 1] == 0xD0) jpeg[at + 1] = 0;
    write_bytes(folder / "a.jpg", jpeg);
    CHECK(mentions(error_of([&] { read_image(folder / "a.jpg"); }), {"a.jpg: is cut short"}));
}

TEST_CASE("what is wrong with a picture is said in the project's words") {
    const TemporaryFolder folder;
    const auto error = [&](const std::vector<unsigned char>& bytes) {
        write_bytes(folder / "a", bytes);
        return error_of([&] { read_image(folder / "a"); });
    };
    const auto marker = [](std::vector<unsigned char>& jpeg, unsigned char code) {
        for (auto at = jpeg.begin();; ++at)
            if (at[0] == 0xFF && at[1] == code) return at;
    };
    const auto jpeg = encode_jpeg(patterned_image(40, 40));
    auto changed = jpeg;
    marker(changed, 0xC0)[1] = 0xC9;
    CHECK(mentions(error(changed), {"a: is a JPEG of a kind that is not read (arithmetic coding)", "save it as"}));
    changed = jpeg;
    marker(changed, 0xC0)[4] = 12;
    CHECK(mentions(error(changed), {"a: is a JPEG of 12 bits a channel"}));
    for (const unsigned char table : {0xC4, 0xDB}) {  // as in frames of Motion JPEG
        changed = jpeg;
        for (auto at = changed.begin() + 2; at[1] != 0xDA;) {
            const auto next = at + 2 + (at[2] << 8 | at[3]);
            at = at[1] == table ? changed.erase(at, next) : next;
        }
        CHECK(mentions(error(changed), {"a: is damaged (it lacks a", "table)"}));
    }
    changed = jpeg;
    marker(changed, 0xDA)[5] = 77;
    CHECK(mentions(error(changed), {"a: is damaged (a scan of a component that the picture does not have)"}));

    write_png(folder / "good.png", patterned_image(20, 20));
    const auto png = read_bytes(folder / "good.png");
    const auto with_chunk = [&](const char* name, std::size_t begin, std::vector<unsigned char> data) {
        auto bytes = png;
        const auto chunk = png_chunk(name, data);
        const std::size_t length = 12 + (std::size_t{bytes[begin + 2]} << 8 | bytes[begin + 3]);
        bytes.erase(bytes.begin() + static_cast<long>(begin), bytes.begin() + static_cast<long>(begin + length));
        bytes.insert(bytes.begin() + static_cast<long>(begin), chunk.begin(), chunk.end());
        return bytes;
    };
    constexpr std::size_t header = 8, data = 33;
    CHECK(error(with_chunk("IDAT", data, {1, 2, 3, 4, 5, 6, 7, 8})) ==
          (folder / "a").string() +
              ": is damaged (its compressed data cannot be decoded); fetch or copy the file again");
    CHECK(mentions(error(with_chunk("IHDR", header, {0, 0, 0, 0, 0, 0, 0, 20, 8, 2, 0, 0, 0})), {"without pixels"}));
    CHECK(mentions(error(with_chunk("IHDR", header, {0, 1, 0, 0, 0, 1, 0, 0, 8, 2, 0, 0, 0})),
                   {"65536x65536 (width x height) is more than 256 million pixels"}));
    CHECK(mentions(error(with_chunk("IHDR", header, {0, 0, 0, 20, 0, 0, 0, 20, 3, 2, 0, 0, 0})), {"bit depth"}));
    CHECK(
        mentions(error(with_chunk("IHDR", header, {0, 0, 0, 20, 0, 0, 0, 20, 8, 3, 0, 0, 0})), {"palette is missing"}));
    CHECK(mentions(error(with_chunk("ABCD", data, {})), {"a part that is not read"}));
    CHECK(mentions(error(with_chunk("sRGB", header, {0})), {"without its header"}));
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
