// Videos in and out, and frames that stand in a row.
#include <camber/label_picture.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cli/check_error.h"
#include "cli/network.h"
#include "io/video.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

/// A bright square that moves over a gradient.
Image frame_of(int number, int height, int width) {
    Image image(height, width, 3);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const bool inside = y >= 8 && y < 24 && x >= 4 * number && x < 4 * number + 16;
            image.at(y, x)[0] = static_cast<std::uint8_t>(inside ? 240 : 60 + x);
            image.at(y, x)[1] = static_cast<std::uint8_t>(inside ? 220 : 60 + y);
            image.at(y, x)[2] = 90;
        }
    return image;
}

double mean_difference(const Image& a, const Image& b) {
    REQUIRE(a.data.size() == b.data.size());
    double sum = 0;
    for (std::size_t i = 0; i < a.data.size(); ++i) sum += std::abs(int{a.data[i]} - int{b.data[i]});
    return sum / static_cast<double>(a.data.size());
}

std::vector<VideoFrame> frames_of(VideoReader& reader) {
    std::vector<VideoFrame> frames;
    for (VideoFrame frame = reader.next(); !frame.image.empty(); frame = reader.next())
        frames.push_back(std::move(frame));
    return frames;
}

constexpr int count = 12;

void make_video(const fs::path& file, const VideoFormat& format, int step = 1, int frames = count) {
    VideoWriter writer(file, format);
    for (int i = 0; i < frames; ++i) writer.write({frame_of(i, format.height, format.width), std::int64_t{i} * step});
    writer.commit();
}

/// Whether this build has video on this machine; where it has not, that is said in a line.
bool has_video() {
    const TemporaryFolder folder;
    const std::string refusal = error_of([&] { make_video(folder / "a.mp4", {32, 64}); });
    if (refusal.empty()) return true;
    CHECK(mentions(refusal, {"--stdin"}));
    CHECK(folder.file_count() == 0);
    MESSAGE(refusal);
    return false;
}

}  // namespace

TEST_CASE("a video comes back as it was written: size, rate, times, pictures") {
    if (!has_video()) return;
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.mkv", "a.avi", "a.mov"}) {
        CAPTURE(name);
        make_video(folder / name, {.height = 48, .width = 80, .rate = {30000, 1001}});
        VideoReader reader(folder / name);
        CHECK(reader.format().height == 48);
        CHECK(reader.format().width == 80);
        CHECK(reader.format().rate.numerator == 30000);
        CHECK(reader.format().rate.denominator == 1001);
        CHECK(std::abs(reader.frame_count() - count) <= 1);
        const std::vector<VideoFrame> frames = frames_of(reader);
        REQUIRE(frames.size() == count);
        for (int i = 0; i < count; ++i) {
            CHECK(frames[static_cast<std::size_t>(i)].at == i);
            CHECK(mean_difference(frames[static_cast<std::size_t>(i)].image, frame_of(i, 48, 80)) < 8);
        }
    }
    // Where frames are left out, the others keep their times; odd sizes, pixels that are no squares.
    make_video(folder / "b.mp4", {.height = 33, .width = 81, .pixel_aspect = {4, 3}}, 3);
    VideoReader reader(folder / "b.mp4");
    CHECK(reader.format().width == 81);
    CHECK(reader.format().pixel_aspect.numerator == 4);
    const std::vector<VideoFrame> frames = frames_of(reader);
    REQUIRE(frames.size() == count);
    const std::int64_t step = frames[1].at;
    CHECK(frames.back().at == step * (count - 1));
    CHECK(mean_difference(frames[5].image, frame_of(5, 33, 81)) < 8);
    CHECK(folder.file_count() == 5);
}

TEST_CASE("a telephone's video is turned upright") {
    if (!has_video()) return;
    const TemporaryFolder folder;
    make_video(folder / "a.mp4", {.height = 48, .width = 80});
    std::string bytes = read_text(folder / "a.mp4");
    // The track's matrix [a b u, c d v, x y w] (ISO/IEC 14496-12, 8.3.2): a quarter clockwise.
    const std::size_t matrix = bytes.find("tkhd") + 4 + 40;
    const auto set = [&](std::size_t place, std::int32_t value) {
        for (std::size_t i = 0; i < 4; ++i) bytes[matrix + 4 * place + i] = static_cast<char>(value >> (24 - 8 * i));
    };
    constexpr std::int32_t one = 1 << 16;
    set(0, 0), set(1, one), set(3, -one), set(4, 0);
    write_text(folder / "a.mp4", bytes);
    VideoReader reader(folder / "a.mp4");
    CHECK(reader.format().height == 80);
    CHECK(reader.format().width == 48);
    const Image turned = reader.next().image, before = frame_of(0, 48, 80);
    Image expected(80, 48, 3);
    for (int y = 0; y < 80; ++y)
        for (int x = 0; x < 48; ++x) std::copy_n(before.at(47 - x, y), 3, expected.at(y, x));
    CHECK(mean_difference(turned, expected) < 8);
}

TEST_CASE("a video is painted into a video of its rate, frame for frame") {
    if (!has_video()) return;
    const Network n;
    const fs::path in = n.folder / "in.mp4", out = n.folder / "out.mp4";
    make_video(in, {.height = 48, .width = 80, .rate = {24000, 1001}});
    const auto predict = [&](const std::vector<std::string>& more) {
        std::vector<std::string> all = {"predict", "--device",  "cpu", "--checkpoint", n.checkpoint.string(),
                                        "--out",   out.string()};
        all.insert(all.end(), more.begin(), more.end());
        return run_camber(all);
    };
    const CommandResult result = predict({in.string()});
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    CHECK(result.output == fmt::format("{} frames: overlay written to {}\n", count, out.string()));
    VideoReader painted(out), original(in);
    CHECK(painted.format().rate.numerator == 24000);
    CHECK(painted.format().rate.denominator == 1001);
    const std::vector<VideoFrame> frames = frames_of(painted), before = frames_of(original);
    REQUIRE(frames.size() == before.size());
    // As its frames are painted as pictures.
    for (const std::size_t i : {0, 7}) {
        write_png(n.in / "a.png", before[i].image);
        REQUIRE(n.predict({(n.in / "a.png").string()}).exit_code == 0);
        const Image overlay = read_image(n.out / "a_overlay.png");
        CHECK(mean_difference(frames[i].image, overlay) < 8);
        CHECK(mean_difference(frames[i].image, before[i].image) > 20);
    }
    REQUIRE(predict({"--write", "colours", "--tile", "32x32", in.string()}).exit_code == 0);
    check_error(predict({"--write", "labels", in.string()}), 2, {"--write labels", "colours or overlay"});
    check_error(predict({"--fps", "30", in.string()}), 2, {"--fps has no effect"});
    check_error(predict({"--shares", "s.csv", in.string()}), 2, {"--shares has no effect with a video as --out"});
    check_error(predict({"--split", "val", in.string()}), 2, {"--split val", "in.mp4 is a video"});
    check_error(predict({in.string(), in.string()}), 2, {"one other, or of pictures"});
    check_error(predict({out.string()}), 2, {"out.mp4 is itself what is read"});
    const std::string sound = read_text(in), kept = read_text(out);
    write_text(in, sound.substr(0, sound.size() / 2));
    check_error(predict({in.string()}), 1, {"in.mp4: "});
    write_text(in, "no video at all");
    check_error(predict({in.string()}), 1, {"in.mp4: is not a video"});
    CHECK(read_text(out) == kept);
    CHECK(std::distance(fs::directory_iterator(n.folder.path()), {}) == 6);
}

TEST_CASE("of a video that is cut short, and plays to where it is cut, that is said") {
    if (!has_video()) return;
    const Network n;
    const fs::path file = n.folder / "a.mkv", painted = n.folder / "out.mp4";
    make_video(file, {.height = 48, .width = 80}, 1, 75);
    const std::string whole = read_text(file);
    for (const fs::path& out : {painted, n.out}) {
        const auto predict = [&] {
            return run_camber({"predict", "--device", "cpu", "--checkpoint", n.checkpoint.string(), "--write",
                               "colours", "--out", out.string(), file.string()});
        };
        write_text(file, whole);
        const CommandResult all = predict();
        CHECK(all.exit_code == 0);
        CHECK(mentions(all.output, {"75 "}));
        CHECK(all.output.find("cut short") == std::string::npos);
        write_text(file, whole.substr(0, whole.size() / 2));
        const CommandResult part = predict();
        INFO(part.errors);
        CHECK(part.exit_code == 0);
        CHECK(mentions(part.output, {"a.mkv: its frames end", "seconds before the end", "cut short"}));
    }
    // A cut within a frame: of AVI, FFmpeg reckons the length from what is there.
    const fs::path avi = n.folder / "a.avi";
    make_video(avi, {.height = 48, .width = 80});
    const std::string bytes = read_text(avi);
    const std::size_t last = bytes.rfind("00dc", bytes.rfind("idx1"));
    REQUIRE(last != std::string::npos);
    constexpr std::size_t heading = 8;
    write_text(avi, bytes.substr(0, last + heading + 5));
    VideoReader reader(avi);
    const std::string error = error_of([&] { frames_of(reader); });
    CHECK((error.find("damaged") != std::string::npos) != (reader.cut_short() == "its last frame is not whole"));
}

TEST_CASE("a video's frames are predicted as pictures, pictures are painted into a video") {
    if (!has_video()) return;
    const Network n;
    const fs::path street = n.folder / "street.mkv";
    make_video(street, {.height = 48, .width = 80});
    const CommandResult result =
        n.predict({"--write", "labels,mask:class1", "--shares", (n.folder / "s.csv").string(), street.string()});
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    CHECK(mentions(result.output, {"12 pictures: labels, mask:class1 written to "}));
    CHECK(read_label(n.out / "street/frame_00012_labels.png").width == 80);
    CHECK(mentions(read_text(n.folder / "s.csv"), {"\nstreet/frame_00001,", "\nstreet/frame_00012,"}));
    CHECK(n.predict({"--continue", "--write", "labels,mask:class1", street.string()}).output ==
          "12 pictures had been done before: nothing is left\n");

    for (int i = 0; i < count; ++i) write_png(n.in / fmt::format("frame_{:05}.png", i + 7), frame_of(i, 48, 80));
    write_png(n.in / "frame_7.png", frame_of(0, 48, 80));
    const fs::path video = n.folder / "made.mp4";
    const auto make = [&](const std::vector<std::string>& more) {
        std::vector<std::string> all = {"predict", "--device",    "cpu", "--checkpoint", n.checkpoint.string(),
                                        "--out",   video.string()};
        all.insert(all.end(), more.begin(), more.end());
        return run_camber(all);
    };
    const CommandResult made = make({"--fps", "10", (n.in / "frame_%05d.png").string()});
    INFO(made.errors);
    REQUIRE(made.exit_code == 0);
    VideoReader reader(video);
    CHECK(reader.format().rate.numerator == 10);
    CHECK(frames_of(reader).size() == count);
    REQUIRE(make({n.in.string()}).exit_code == 0);
    VideoReader of_folder(video);
    CHECK(of_folder.format().rate.numerator == 25);
    CHECK(frames_of(of_folder).size() == count + 1);
    write_png(n.in / "frame_00009.png", noise(20, 30));
    check_error(make({n.in.string()}), 1, {"frame_00009.png: is 30x20", "80x48"});
    check_error(make({"--fps", "0", n.in.string()}), 2, {"--fps", "'0'"});
}

TEST_CASE("a pattern names files in the order of their numbers") {
    const Network n;
    for (const char* name : {"f_2.png", "f_10.png", "f_010.png", "f_x.png", "g_1.png"})
        write_png(n.in / name, noise(20, 30));
    const CommandResult result =
        n.predict({"--write", "labels", "--shares", (n.folder / "s.csv").string(), (n.in / "f_%d.png").string()});
    INFO(result.errors);
    CHECK(mentions(result.output, {"2 pictures"}));
    const std::string shares = read_text(n.folder / "s.csv");
    CHECK(shares.find("\nf_2,") < shares.find("\nf_10,"));
    check_error(n.predict({(n.in / "h_%03d.png").string()}), 1,
                {"h_%03d.png: there is no file that the pattern names"});
}
