// What `camber predict` writes, and what it does about pictures and networks that are not as they should be.
#include <camber/checkpoint.h>
#include <camber/label_picture.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>

#include "cli/check_error.h"
#include "cli/network.h"
#include "cli/scenes.h"
#include "io/image.h"
#include "io/label_file.h"
#include "io/png_writer.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a folder is predicted whole: hidden files are passed over, bad ones named, structure is kept") {
    const Network n;
    fs::create_directories(n.in / "deep/er");
    fs::create_directories(n.in / ".cache");
    for (const char* name : {"a.png", "deep/a.png", "deep/er/b.png", ".cache/c.png"})
        write_png(n.in / name, noise(20, 30));
    write_text(n.in / "._a.png", "no picture");
    write_text(n.in / ".DS_Store", "no picture");
    write_text(n.in / "notes.txt", "no picture");
    SUBCASE("all sound") {
        const CommandResult result = n.predict({n.in.string()});
        CHECK(result.exit_code == 0);
        CHECK(result.errors == "");
        CHECK(result.output.find("passed over: 1 file that is no .png or .jpg picture\n") != std::string::npos);
    }
    SUBCASE("two bad") {
        write_text(n.in / "aa.png", "no picture");
        write_text(n.in / "deep/bad.jpg", "");
        const CommandResult result = n.predict({n.in.string()});
        CHECK(result.exit_code == 1);
        CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 2);
        for (const char* part : {"camber: error: ", "aa.png", "bad.jpg"})
            CHECK(result.errors.find(part) != std::string::npos);
    }
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(n.out)) files += entry.is_regular_file();
    CHECK(files == 9);
    for (const char* name : {"a", "deep/a", "deep/er/b"}) {
        const std::string base = (n.out / name).string();
        const Image labels = read_label(base + "_labels.png"), overlay = read_image(base + "_overlay.png");
        CHECK(labels.height == 20);
        CHECK(overlay.width == 30);
        CHECK(read_image(base + "_colours.png") == colour_labels(labels, numbered_classes(3)));
    }
}

TEST_CASE("what cannot be read or written is named, and the others are done") {
    const Network n;
    for (const char* name : {"a.png", "b.png", "d.png"}) write_png(n.in / name, noise(20, 30));
    fs::create_symlink("/nowhere/c.png", n.in / "c.png");
    fs::create_directories(n.out / "b_overlay.png");
    const CommandResult result = n.predict({n.in.string(), (n.folder / "absent.png").string()});
    CHECK(result.exit_code == 1);
    CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 3);
    CHECK(mentions(result.errors, {"c.png: a link that leads nowhere", "absent.png: there is no such file",
                                   "b_overlay.png: it exists and is not a regular file"}));
    CHECK(result.output.starts_with("2 pictures: "));
    for (const char* name : {"a_overlay.png", "d_overlay.png"}) CHECK(fs::exists(n.out / name));
}

TEST_CASE("where no picture is read nothing is said but why, and nothing is made") {
    const Network n;
    write_text(n.in / "a.png", "no picture");
    write_text(n.in / "b.jpg", "");
    write_text(n.in / "notes.txt", "");
    const CommandResult result = n.predict({n.in.string()});
    CHECK(result.exit_code == 1);
    CHECK(result.output == "");
    CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 2);
    CHECK_FALSE(fs::exists(n.out));
}

TEST_CASE("results of an earlier prediction are no pictures to predict, wherever they lie, and that is said") {
    Network n;
    for (const char* name : {"a.png", "b_labels.png"}) write_png(n.in / name, noise(20, 30));
    n.out = n.in / "first";
    REQUIRE(n.predict({n.in.string()}).exit_code == 0);
    n.out = n.in / "second";
    const CommandResult result = n.predict({n.in.string()});
    CHECK(result.exit_code == 0);
    CHECK(mentions(result.output, {"2 pictures", "passed over: 6 results of an earlier predict\n"}));
    CHECK_FALSE(fs::exists(n.out / "first"));
    CHECK(fs::exists(n.out / "b_labels_labels.png"));
    n.out = n.folder / "third";
    check_error(n.predict({(n.in / "first").string()}), 1, {"in/first", "results of an earlier predict"});
}

TEST_CASE("of a dataset the frames are meant; a folder of pictures with notes in a list's name is none") {
    Network n;
    write_scenes(n.in / "set");
    CHECK(n.predict({(n.in / "set").string()}).exit_code == 0);
    CHECK(fs::exists(n.out / "train/00007_labels.png"));
    CHECK(fs::exists(n.out / "val/00002_overlay.png"));
    CHECK_FALSE(fs::exists(n.out / "trainannot"));
    check_error(n.predict({"--split", "test", (n.in / "set").string()}), 1, {"no split 'test'", "train, val"});

    fs::create_directories(n.in / "street");
    write_png(n.in / "street/a.png", noise(20, 30));
    write_text(n.in / "street/test.txt", "taken on a rainy day\n");
    CHECK(n.predict({(n.in / "street").string()}).exit_code == 0);
    CHECK(fs::exists(n.out / "a_labels.png"));
}

TEST_CASE("a dataset one folder down is one; pictures of kinds that are not read are named") {
    Network n;
    write_scenes(n.in / "set");
    CHECK(n.predict({n.in.string()}).exit_code == 0);
    CHECK(fs::exists(n.out / "set/train/00007_labels.png"));
    CHECK_FALSE(fs::exists(n.out / "set/trainannot"));
    // Beside it may lie what are no pictures; where pictures do, all are meant.
    fs::create_directories(n.in / "notes");
    fs::remove_all(n.out);
    CHECK(n.predict({n.in.string()}).exit_code == 0);
    CHECK_FALSE(fs::exists(n.out / "set/trainannot"));
    write_png(n.in / "notes/a.png", noise(20, 30));
    CHECK(n.predict({n.in.string()}).exit_code == 0);
    CHECK(fs::exists(n.out / "notes/a_labels.png"));
    fs::create_directories(n.folder / "kinds");
    for (const char* name : {"a.TIF", "b.tif", "c.webp"}) write_text(n.folder / "kinds" / name, "x");
    check_error(n.predict({(n.folder / "kinds").string()}), 1, {"2 .tif files, 1 .webp file not read", "PNG"});
    write_png(n.folder / "kinds/d.png", noise(20, 30));
    CHECK(n.predict({(n.folder / "kinds").string()}).output.find("of them 2 .tif files, 1 .webp file not read") !=
          std::string::npos);
}

TEST_CASE("a dataset's frames for validation are those that the checkpoint was trained without") {
    const TemporaryFolder folder;
    const fs::path data = folder / "data", run = folder / "run", out = folder / "out";
    fs::create_directories(data / "masks");
    write_scenes(folder / "scenes");
    fs::rename(folder / "scenes/train", data / "images");
    fs::rename(folder / "scenes/trainannot", data / "masks");
    write_text(data / "classes.json", class_table_json(camvid11()));
    REQUIRE(run_camber(train_arguments(data, run, {"--val-fraction", "0.5"})).exit_code == 0);
    const CommandResult result = run_camber({"predict", "--checkpoint", (run / "best.safetensors").string(), "--split",
                                             "val", "--out", out.string(), data.string() + "/"});
    INFO(result.errors);
    CHECK(result.output.starts_with("4 pictures"));
}

TEST_CASE("results inside the folder of pictures are not predicted the next time") {
    Network n;
    n.out = n.in / "out";
    write_png(n.in / "a.png", noise(20, 30));
    for (int time = 0; time < 2; ++time) CHECK(n.predict({n.in.string()}).exit_code == 0);
    CHECK_FALSE(fs::exists(n.out / "out"));
}

TEST_CASE("pictures whose results would have one name are named and left out; the others are done") {
    const Network n;
    for (const char* name : {"a.png", "b.png", "deep/a.png"}) {
        fs::create_directories((n.in / name).parent_path());
        write_png(n.in / name, noise(20, 30));
    }
    fs::copy_file(n.in / "b.png", n.in / "a.jpg");
    check_error(n.predict({n.in.string()}), 1,
                {(n.in / "a.jpg").c_str(), (n.in / "a.png").c_str(), "one name, a_labels.png"});
    CHECK(fs::exists(n.out / "b_labels.png"));
    CHECK(fs::exists(n.out / "deep/a_labels.png"));
    CHECK_FALSE(fs::exists(n.out / "a_labels.png"));
    // A picture that is given twice is done once.
    fs::create_symlink(n.in, n.folder / "link");
    const std::string b = (n.in / "b.png").string();
    CHECK(n.predict({b, b, (n.folder / "link/b.png").string()}).exit_code == 0);
    check_error(n.predict({(n.in / "a.png").string(), (n.in / "deep/a.png").string()}), 1, {"one name"});
}

TEST_CASE("results are not written where they would be, or replace, pictures to predict") {
    Network n;
    write_png(n.in / "a.png", noise(20, 30));
    write_scenes(n.folder / "set");
    fs::create_symlink(n.in, n.folder / "link");
    const auto refuse = [&](const fs::path& out, const fs::path& in, const char* part) {
        n.out = out;
        check_error(n.predict({in.string()}), 2, {part});
    };
    refuse(n.in, n.in, "the folder of the pictures");
    refuse(n.folder / "link", n.in, "the folder of the pictures");
    refuse(n.folder / "none/../in", n.in, "the folder of the pictures");
    refuse(n.folder / "set", n.folder / "set", "the folder of the pictures");
    refuse(n.folder / "set/train", n.folder / "set", "holds frames of the dataset");
    refuse(n.folder / "set/trainannot", n.folder / "set", "frames or label maps");
    refuse(n.folder / "set/trainannot/new", n.in / "a.png", "frames or label maps");
    refuse(n.folder / "set/train", n.in, "frames or label maps");
    n.out = n.in;
    const std::string a = (n.in / "a.png").string(), labels = (n.in / "a_labels.png").string();
    CHECK(n.predict({a}).exit_code == 0);
    const std::string before = read_text(labels);
    check_error(n.predict({a, labels}), 2, {"a_labels.png would be written over"});
    CHECK(read_text(labels) == before);
    CHECK(std::distance(fs::directory_iterator(n.in), {}) == 4);
    check_error(n.predict({"--split", "val", a}), 2, {"--split val", "a.png is a file"});
}

TEST_CASE("the memory of a prediction does not grow with classes times picture") {
    const Network n(200);
    write_png(n.in / "a.png", Image(1500, 2000, 3));  // 2.4 GB of logits at its own size
    const CommandResult result =
        n.predict({n.in.string()}, {.file_size = {}, .signal = 0, .delay = {}, .addresses = rlim_t{1200} << 20});
    INFO(result.errors);
    CHECK(result.exit_code == 0);
}

TEST_CASE("a network of one channel tells two classes apart, by sigmoid above one half") {
    for (const float bias : {5.f, -5.f, 0.f}) {
        const Network n(1, [bias](const NamedTensor& named) {
            if (named.tensor.dim(0) != 1) return;  // of the head
            std::fill_n(named.tensor.data<float>(), named.tensor.numel(), named.tensor.shape().rank() == 1 ? bias : 0);
        });
        write_png(n.in / "a.png", noise(20, 30));
        REQUIRE(n.predict({n.in.string()}).exit_code == 0);
        const Image labels = read_label(n.out / "a_labels.png");
        CHECK(std::count(labels.data.begin(), labels.data.end(), bias > 0 ? 1 : 0) == 600);
    }
}

TEST_CASE("a network of one channel is trained on two classes") {
    const TemporaryFolder folder;
    const fs::path data = folder / "data", run = folder / "run";
    write_scenes(data);
    for (const char* split : {"trainannot", "valannot"}) {
        for (const auto& entry : fs::directory_iterator(data / split)) {
            Image ids = read_label(entry.path());
            for (auto& id : ids.data) id = id == 3;  // road
            write_png(entry.path(), ids);
        }
    }
    write_text(data / "classes.json", class_table_json(numbered_classes(2)));
    const auto train = [&](const Lines& more) { return run_camber(train_arguments(data, run, more)); };
    check_error(train({"--net-option", "classes=1", "--loss", "dice"}), 2, {"one channel", "Dice"});
    const CommandResult trained = train({"--net-option", "classes=1", "--loss", "focal"});
    INFO(trained.errors);
    REQUIRE(trained.exit_code == 0);
    const CommandResult judged = run_camber({"eval", "--json", "--checkpoint", (run / "best.safetensors").string()});
    INFO(judged.errors);
    REQUIRE(judged.exit_code == 0);
    CHECK(nlohmann::json::parse(judged.output).at("mean_iou") > 0.1);
}

TEST_CASE("a checkpoint whose weights are not finite is refused by the name of the tensor") {
    const Network n;
    const CheckpointFile file = CheckpointFile::open(n.checkpoint);
    Checkpoint checkpoint{file.info(), {}};
    for (const auto& entry : file.tensors().entries()) {
        checkpoint.tensors.push_back({entry.name, file.tensors().read(entry.name)});
    }
    checkpoint.tensors.front().tensor.data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    save_checkpoint(n.checkpoint, checkpoint);
    write_png(n.in / "a.png", noise(20, 30));
    const std::string message = checkpoint.tensors.front().name.substr(std::string("model.").size()) + " is not finite";
    check_error(n.predict({n.in.string()}), 1, {"c.safetensors: ", message.c_str()});
    CHECK_FALSE(fs::exists(n.out / "a_labels.png"));
}

TEST_CASE("large pictures in tiles: what is written is chosen, memory is bounded by a row of tiles") {
    const Network n(100);
    write_png(n.in / "a.png", noise(2000, 1500));  // 1.2 GB of logits
    const CommandLimits limits{.file_size = {}, .signal = 0, .delay = {}, .addresses = rlim_t{1000} << 20};
    const CommandResult result = n.predict({"--tile", "64x64", "--write", "labels,entropy", n.in.string()}, limits);
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    CHECK(mentions(result.output, {"1 picture: labels, entropy written to "}));
    const Image labels = read_label(n.out / "a_labels.png");
    CHECK(labels.height == 2000);
    CHECK(labels.width == 1500);
    CHECK(read_image(n.out / "a_entropy.png", 1).pixels() == labels.pixels());
    CHECK_FALSE(fs::exists(n.out / "a_colours.png"));
}

TEST_CASE("in tiles, memory does not grow with a picture's height, whatever is written") {
    const Network n;
    constexpr int width = 512, times = 12;
    const auto peak = [&](const std::string& name) {
        const CommandResult result =
            n.predict({"--tile", "64x64", "--write", "labels,colours,overlay,entropy,probabilities,mask:class1",
                       "--shares", (n.folder / "s.csv").string(), (n.in / name).string()});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        return result.peak_kilobytes;
    };
    const Image part = noise(1 << 10, width);
    const auto tall = [&](const std::string& name, int parts) {
        PngWriter png(n.in / (name + ".png"), parts * part.height, width, 3);
        for (int i = 0; i < parts; ++i) png.write(part.height, part.data.data());
        png.commit();
    };
    tall("short", 1);
    tall("tall", times);  // 19 MB, as much of the colours and the overlay each, 100 MB of the rest
    const long least = peak("short.png");
    CHECK(read_label(n.out / "short_labels.png").height == part.height);
    CHECK(peak("tall.png") < least + (16 << 10));
    CHECK(read_picture_size(n.out / "tall_overlay.png").height == times * part.height);
    const std::vector<std::uint8_t> jpeg = encode_jpeg(Image(times * part.height, width, 3), 90);
    write_text(n.in / "black.jpg", std::string(jpeg.begin(), jpeg.end()));
    CHECK(peak("black.jpg") < least + (16 << 10));
}

TEST_CASE("probabilities of every class as NumPy reads them, entropies and shares") {
    const Network n;
    write_png(n.in / "a.png", noise(20, 30));
    write_png(n.in / "deep, er.png", noise(24, 32));
    const fs::path shares = n.folder / "shares.csv";
    REQUIRE(n.predict({"--write", "probabilities,labels", "--size", "own", "--shares", shares.string(), n.in.string()})
                .exit_code == 0);
    const std::string npy = read_text(n.out / "a_probabilities.npy");
    CHECK(npy.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
    CHECK(npy.find("{'descr': '<f4', 'fortran_order': False, 'shape': (20, 30, 3, ), }") == 10);
    REQUIRE(npy.size() % 64 == 20 * 30 * 3 * 4 % 64);
    const Image labels = read_label(n.out / "a_labels.png");
    std::vector<float> values(20 * 30 * 3);
    std::memcpy(values.data(), npy.data() + npy.size() - values.size() * 4, values.size() * 4);
    std::vector<int> counts(3);
    for (std::size_t i = 0; i < labels.data.size(); ++i) {
        const float* p = &values[i * 3];
        CHECK(p[0] + p[1] + p[2] == doctest::Approx(1));
        CHECK(std::max_element(p, p + 3) - p == labels.data[i]);
        ++counts[labels.data[i]];
    }
    const std::string expected = fmt::format("picture,class0,class1,class2\na,{:.6f},{:.6f},{:.6f}\n\"deep, er\",",
                                             counts[0] / 600.0, counts[1] / 600.0, counts[2] / 600.0);
    CHECK(read_text(shares).starts_with(expected));
}

TEST_CASE("masks are the probabilities of a class in 16 bits") {
    const Network n;
    write_png(n.in / "a.png", noise(20, 30));
    for (const Lines& how : {Lines{"--size", "own"}, Lines{"--tile", "16x16"}, Lines{"--scales", "0.5,1"}}) {
        Lines arguments = {"--write", "mask:class2,probabilities,mask:class0", n.in.string()};
        arguments.insert(arguments.begin(), how.begin(), how.end());
        const CommandResult result = n.predict(arguments);
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
        CHECK(mentions(result.output, {"1 picture: mask:class2, probabilities, mask:class0 written to "}));
        const std::string npy = read_text(n.out / "a_probabilities.npy");
        std::vector<float> values(20 * 30 * 3);
        std::memcpy(values.data(), npy.data() + npy.size() - values.size() * 4, values.size() * 4);
        for (const std::size_t id : {0, 2}) {
            const LabelFile mask = read_label_file(n.out / fmt::format("a_mask_class{}.png", id));
            CHECK(mask.bits == 16);
            REQUIRE(mask.ids.size() == 600);
            for (std::size_t i = 0; i < 600; ++i) CHECK(mask.ids[i] == std::lround(65535 * values[i * 3 + id]));
        }
        fs::remove_all(n.out);
    }
}

TEST_CASE("a mask of an earlier prediction is no picture, one of a class with a slash is a file") {
    Network n;
    write_png(n.in / "a.png", noise(20, 30));
    CheckpointFile file = CheckpointFile::open(n.checkpoint);
    Checkpoint checkpoint{file.info(), {}};
    for (const auto& entry : file.tensors().entries())
        checkpoint.tensors.push_back({entry.name, file.tensors().read(entry.name)});
    std::string text = checkpoint.info.extra.dump();
    text.replace(text.find("class1"), 6, "a/b 100%");
    checkpoint.info.extra = nlohmann::json::parse(text);
    save_checkpoint(n.checkpoint, checkpoint);
    n.out = n.in / "first";
    REQUIRE(n.predict({"--write", "labels,colours,overlay,mask:a/b 100%", n.in.string()}).exit_code == 0);
    CHECK(fs::exists(n.out / "a_mask_a%2Fb 100%25.png"));
    n.out = n.in / "second";
    CHECK(
        mentions(n.predict({n.in.string()}).output, {"1 picture:", "passed over: 4 results of an earlier predict\n"}));
}

TEST_CASE("shares go on where they were left, a line of each picture once, as CSV and as JSON Lines") {
    const Network n;
    for (const char* name : {"a", "b, c", "d"}) write_png(n.in / (std::string(name) + ".png"), noise(20, 30));
    for (const char* name : {"s.csv", "s.jsonl"}) {
        CAPTURE(name);
        const fs::path shares = n.folder / name;
        const Lines run = {"--shares", shares.string(), "--continue", n.in.string()};
        fs::remove_all(n.out);
        REQUIRE(n.predict(run).exit_code == 0);
        const std::string whole = read_text(shares);
        CHECK(n.predict(run).output == "3 pictures had been done before: nothing is left\n");
        CHECK(read_text(shares) == whole);
        // Of the last picture half a line, as a power cut leaves it.
        write_text(shares, whole.substr(0, whole.size() - 10));
        CHECK(mentions(n.predict(run).output, {"1 picture: ", "2 pictures had been done before"}));
        CHECK(read_text(shares) == whole);
        // Results are gone, its line is not.
        fs::remove(n.out / "b, c_labels.png");
        CHECK(mentions(n.predict(run).output, {"1 picture: "}));
        CHECK(read_text(shares) == whole);
        const Lines anew = {"--shares", shares.string(), (n.in / "d.png").string()};
        REQUIRE(n.predict(anew).exit_code == 0);
        CHECK(read_text(shares).size() < whole.size());
    }
    const auto lines = nlohmann::json::parse(read_text(n.folder / "s.jsonl"));
    CHECK(lines.at("picture") == "d");
    double sum = 0;
    for (const auto& share : lines.at("shares")) sum += share.get<double>();
    CHECK(sum == doctest::Approx(1));
    write_text(n.folder / "other.csv", "picture,road\n");
    write_text(n.folder / "list.csv", "a.png,b.png\n");
    for (const fs::path& not_shares : {n.folder / "list.csv", n.checkpoint, n.in / "d.png", n.folder / "c.toml"})
        check_error(n.predict({"--shares", not_shares.string(), n.in.string()}), 2, {"--shares "});
    CHECK(read_text(n.folder / "list.csv") == "a.png,b.png\n");
    check_error(n.predict({"--shares", (n.folder / "other.csv").string(), "--continue", n.in.string()}), 2,
                {"other.csv", "no table of these classes"});
    CHECK(read_text(n.folder / "other.csv") == "picture,road\n");
}

TEST_CASE("killed again and again and continued, nothing is done twice or lost") {
    const Network n;
    constexpr int count = 200;
    for (int folder = 0; folder < 7; ++folder) fs::create_directories(n.in / std::to_string(folder));
    for (int i = 0; i < count; ++i) write_png(n.in / fmt::format("{}/{:03}.png", i % 7, i), noise(12 + i % 9, 20));
    const fs::path shares = n.folder / "shares.csv";
    const Lines run = {"--continue", "--write", "labels,overlay", "--shares", shares.string(), n.in.string()};
    const auto lines_of = [&] {
        std::vector<std::string> lines;
        std::ifstream file(shares);
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    };
    std::map<fs::path, fs::file_time_type> written;
    unsigned state = 1;
    int kills = 0, in_between = 0;
    for (int exit_code = -1; exit_code != 0;) {
        REQUIRE(kills < 1000);
        const auto delay = std::chrono::milliseconds(20 + ((state = state * 1664525u + 1013904223u) >> 24));
        const CommandResult result = n.predict(run, {.file_size = {}, .signal = SIGKILL, .delay = delay});
        if (result.signal == 0) REQUIRE(result.exit_code == 0);
        exit_code = result.exit_code;
        kills += result.signal == SIGKILL;
        // Whole lines, one of each picture, whose files are there and stay as they are.
        const std::string text = read_text(shares);
        CHECK((text.empty() || text.back() == '\n'));
        std::vector<std::string> lines = lines_of();
        in_between += lines.size() > 1 && lines.size() < count;
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const std::string name = lines[i].substr(0, lines[i].find(','));
            for (const char* end : {"_labels.png", "_overlay.png"}) {
                const fs::path file = (n.out / name).string() + end;
                REQUIRE(fs::exists(file));
                const auto [known, added] = written.emplace(file, fs::last_write_time(file));
                CHECK(known->second == fs::last_write_time(file));
            }
        }
        std::sort(lines.begin(), lines.end());
        CHECK(std::adjacent_find(lines.begin(), lines.end()) == lines.end());
    }
    CHECK(in_between > 0);
    std::vector<std::string> lines = lines_of();
    CHECK(lines.size() == count + 1);
    // What was never killed gives the same, and as many files: no temporary is left.
    Network whole;
    whole.out = whole.folder / "whole";
    REQUIRE(whole.predict({"--write", "labels,overlay", "--shares", (n.folder / "whole.csv").string(), n.in.string()})
                .exit_code == 0);
    std::vector<std::string> expected;
    std::ifstream file(n.folder / "whole.csv");
    for (std::string line; std::getline(file, line);) expected.push_back(line);
    std::sort(lines.begin(), lines.end());
    std::sort(expected.begin(), expected.end());
    CHECK(lines == expected);
    const auto files_in = [](const fs::path& folder) {
        std::map<fs::path, std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = read_text(entry.path());
        return files;
    };
    CHECK(files_in(n.out) == files_in(whole.out));
}

TEST_CASE("--continue does what is left, --part a share, and together nothing twice or not at all") {
    const Network n;
    for (const char* name : {"a", "b", "c", "d", "e"}) write_png(n.in / (std::string(name) + ".png"), noise(20, 30));
    CHECK(mentions(n.predict({"--part", "1/2", n.in.string()}).output, {"3 pictures"}));
    CHECK(fs::exists(n.out / "e_overlay.png"));
    CHECK_FALSE(fs::exists(n.out / "b_labels.png"));
    CHECK(mentions(n.predict({"--part", "2/2", n.in.string()}).output, {"2 pictures"}));
    fs::remove(n.out / "d_overlay.png");
    const auto before = fs::last_write_time(n.out / "a_labels.png");
    CHECK(
        mentions(n.predict({"--continue", n.in.string()}).output, {"1 picture: ", "4 pictures had been done before"}));
    CHECK(fs::last_write_time(n.out / "a_labels.png") == before);
    CHECK(fs::exists(n.out / "d_overlay.png"));
    const CommandResult again = n.predict({"--continue", n.in.string()});
    CHECK(again.output == "5 pictures had been done before: nothing is left\n");
    CHECK(n.predict({"--part", "7/8", n.in.string()}).output == "--part 7/8 holds no picture\n");
}

TEST_CASE("options of predict that cannot be, or have no effect, are refused") {
    const Network n;
    write_png(n.in / "a.png", noise(20, 30));
    const auto refused = [&](const Lines& options, std::initializer_list<const char*> parts) {
        Lines all = options;
        all.push_back(n.in.string());
        check_error(n.predict(all), 2, parts);
    };
    refused({"--tile", "33x64"}, {"--tile 33x64", "unet", "multiples of 2"});
    refused({"--tile", "big"}, {"big"});
    refused({"--tile", "32x32", "--size", "64x64"}, {"--tile", "leave out --size 64x64"});
    refused({"--overlap", "0.5"}, {"--overlap has no effect without --tile"});
    refused({"--tile", "32x32", "--overlap", "1"}, {"--overlap"});
    refused({"--write", "labels,overlays"}, {"'overlays' (did you mean 'overlay'?)", "probabilities"});
    refused({"--part", "3/2"}, {"--part", "2/8", "'3/2'"});
    refused({"--part", "1"}, {"--part"});
    refused({"--scales", "0.5,none"}, {"--scales 0.5,none", "number", "'none'"});
    refused({"--scales", "0"}, {"--scales 0", "from 0.1 to 10"});
    refused({"--write", "mask:clas1"}, {"mask:clas1", "did you mean 'class1'?", "class0, class1, class2"});
    refused({"--write", "mask"}, {"'mask'", "mask:CLASS"});
    refused({"--shares", "s.json"}, {"s.json", ".jsonl", ".csv"});
    refused({"--fps", "25"}, {"--fps has no effect"});
    CHECK_FALSE(fs::exists(n.out));
}

TEST_CASE("raw frames are piped through: FFmpeg can stand on both sides") {
    const Network n;
    const Image first = noise(20, 30), second(20, 30, 3);
    const fs::path raw = n.folder / "in.rgb", out = n.folder / "out.raw";
    const auto pipe = [&](const std::string& bytes, const std::string& more) {
        write_text(raw, bytes);
        const std::string line = std::string(CAMBER_COMMAND) + " predict --device cpu --checkpoint " +
                                 n.checkpoint.string() + " --stdin 20x30 " + more + " < " + raw.string() + " > " +
                                 out.string() + " 2> " + (n.folder / "errors").string();
        return std::system(line.c_str());
    };
    const auto text = [](const Image& image) { return std::string(image.data.begin(), image.data.end()); };
    REQUIRE(pipe(text(first) + text(second), "--write labels") == 0);
    const std::string labels = read_text(out);
    REQUIRE(labels.size() == 2 * 600);
    write_png(n.in / "a.png", first);
    REQUIRE(n.predict({n.in.string()}).exit_code == 0);
    CHECK(labels.substr(0, 600) == text(read_label(n.out / "a_labels.png")));
    REQUIRE(pipe(text(first) + text(second), "") == 0);
    CHECK(read_text(out).substr(0, 1800) == text(read_image(n.out / "a_overlay.png")));
    CHECK(pipe(text(first) + "cut", "") != 0);
    CHECK(mentions(read_text(n.folder / "errors"), {"ends within frame 2: 3 of the 1800 bytes"}));
    CHECK(pipe("", "") != 0);
    CHECK(mentions(read_text(n.folder / "errors"), {"holds no frame"}));
    check_error(n.predict({"--stdin", "20x30"}), 2, {"--out has no effect with --stdin"});
}
