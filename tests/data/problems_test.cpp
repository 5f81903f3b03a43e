// Every kind of problem is planted in a dataset, and found with its file.
#include "data/problems.h"

#include <camber/synth.h>
#include <doctest/doctest.h>

#include <algorithm>

#include "data/convert.h"
#include "small_dataset.h"
#include "support/command.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

struct Planted {
    TemporaryFolder folder;

    Planted() {
        for (const char* split : {"train", "val"}) {
            for (int i = 0; i < 3; ++i) {
                const Scene scene = generate_scene(3, static_cast<std::uint64_t>(split[0] == 't' ? i : i + 10), 48, 64);
                for (const char* within : {"images", "labels"}) fs::create_directories(folder / split / within);
                const std::string name = fmt::format("{}{}.png", split, i);
                write_png(folder / split / "images" / name, scene.image);
                write_png(folder / split / "labels" / name, scene.label);
            }
        }
        write_text(folder / "classes.json", class_table_json(camvid11()));
    }
    DataProblems find() const { return find_problems(DataFolder::open(folder.path())); }
    /// Whether a problem of this kind is named with all `parts`.
    bool finds(const std::string& what, std::initializer_list<const char*> parts, bool fault) const {
        for (const DataProblem& problem : find().list) {
            if (problem.what.find(what) == std::string::npos) continue;
            return problem.fault == fault &&
                   std::any_of(problem.items.begin(), problem.items.end(),
                               [&](const std::string& item) { return mentions(item, parts); });
        }
        return false;
    }
};

}  // namespace

TEST_CASE("a sound dataset has no problems") {
    const Planted p;
    const DataProblems problems = p.find();
    for (const DataProblem& problem : problems.list) FAIL_CHECK(problem.what << ": " << problem.items.front());
    CHECK(problems.first_fault().empty());
}

TEST_CASE("planted problems are found and named with their file") {
    const Planted p;
    SUBCASE("a picture without a label map") {
        fs::remove(p.folder / "train/labels/train1.png");
        CHECK(p.finds("without a label map", {"train/images/train1.png"}, true));
        CHECK(mentions(error_of([&] { Dataset::open(p.folder.path(), "train"); }),
                       {"train1.png: has no label map (1 of the 3 frames"}));
        CHECK(p.find().faults.at("train") == 1);
    }
    SUBCASE("a label map without a picture") {
        fs::remove(p.folder / "train/images/train1.png");
        CHECK(p.finds("without a picture", {"train/labels/train1.png"}, false));
    }
    SUBCASE("a label map of two pictures") {
        write_png(p.folder / "train/images/train1_img.png", Image(48, 64, 3));
        CHECK(p.finds("of two pictures", {"labels/train1.png", "images/train1.png", "images/train1_img.png"}, true));
        CHECK(mentions(error_of([&] { Dataset::open(p.folder.path(), "train"); }), {"of two pictures"}));
        // One that is listed twice is no other.
        fs::remove(p.folder / "train/images/train1_img.png");
        CHECK(p.find().fault_count() == 0);
    }
    SUBCASE("pictures of kinds that are not read") {
        write_text(p.folder / "train/images/a.TIFF", "x");
        CHECK(p.finds("passed over", {"train/images: 1 .tiff file not read"}, false));
    }
    SUBCASE("nothing pairs") {
        const auto rename = [&](const std::string& split) {
            const fs::path labels = p.folder / split / "labels";
            for (int i = 0; i < 3; ++i)
                fs::rename(labels / fmt::format("{}{}.png", split, i), labels / fmt::format("x{}.png", i));
        };
        rename("val");
        CHECK(p.finds("nothing pairs", {"val: no picture has a label map: ", "images/val0.png and ", "labels/x0.png"},
                      true));
        CHECK(p.find().fault_count() == 1);
        rename("train");
        CHECK(p.finds("nothing pairs", {"train: no picture", "images/train0.png"}, true));
        CHECK(run_camber({"data", "info", p.folder.path().string()}).exit_code == 1);
    }
    SUBCASE("sizes that differ") {
        write_png(p.folder / "val/labels/val2.png", Image(48, 63, 1));
        CHECK(p.finds("another size", {"val/labels/val2.png", "63x48", "64x48"}, true));
    }
    SUBCASE("swapped folders") {
        fs::rename(p.folder / "train/images", p.folder / "kept");
        fs::rename(p.folder / "train/labels", p.folder / "train/images");
        fs::rename(p.folder / "kept", p.folder / "train/labels");
        CHECK(p.finds("swapped", {"train/images and ", "train/labels", "each other's place"}, true));
        CHECK(mentions(p.find().first_fault(), {"each other's place"}));
    }
    SUBCASE("an empty label map") {
        Image empty(48, 64, 1);
        std::fill(empty.data.begin(), empty.data.end(), std::uint8_t{11});
        write_png(p.folder / "val/labels/val0.png", empty);
        CHECK(p.finds("empty", {"val/labels/val0.png", "void"}, false));
    }
    SUBCASE("files that cannot be read") {
        write_text(p.folder / "val/images/val0.png", "no picture");
        write_bytes(p.folder / "val/labels/val1.png", encode_jpeg(patterned_image(48, 64)));
        CHECK(p.finds("pictures that cannot", {"val/images/val0.png", "not a PNG"}, true));
        CHECK(p.finds("label maps that cannot", {"val/labels/val1.png", "JPEG"}, true));
        CHECK(p.find().fault_count() == 2);
    }
    SUBCASE("ids that are no class") {
        Image label(48, 64, 1);
        *label.at(5, 7) = 77;
        write_png(p.folder / "train/labels/train0.png", label);
        CHECK(p.finds("label maps that cannot", {"train0.png: id 77 at row 5, column 7 (1 pixel)"}, true));
    }
    SUBCASE("the same file in two splits") {
        fs::copy(p.folder / "train/images/train0.png", p.folder / "val/images/again.png");
        fs::copy(p.folder / "train/labels/train0.png", p.folder / "val/labels/again.png");
        CHECK(p.finds("stand in two splits", {"val/images/again.png", "same file", "train/images/train0.png"}, false));
    }
    SUBCASE("the same name in two splits") {
        const Scene scene = generate_scene(3, 99, 48, 64);
        write_png(p.folder / "val/images/train0.png", scene.image);
        write_png(p.folder / "val/labels/train0.png", scene.label);
        CHECK(p.finds("names that stand in two", {"val/images/train0.png", "name"}, false));
    }
    SUBCASE("nearly the same frame in two splits") {
        Scene scene = generate_scene(3, 1, 48, 64);
        for (std::size_t i = 0; i < scene.image.data.size(); i += 7) scene.image.data[i] ^= 1;
        write_png(p.folder / "val/images/next.png", scene.image);
        write_png(p.folder / "val/labels/next.png", scene.label);
        CHECK(p.finds("nearly those of another split", {"val/images/next.png", "train/images/train1.png"}, false));
        CHECK_FALSE(p.finds("by their numbers", {}, false));
        // A frame of the same video.
        for (const char* within : {"images", "labels"}) {
            fs::rename(p.folder / "train" / within / "train2.png", p.folder / "train" / within / "train3.png");
            fs::rename(p.folder / "val" / within / "next.png", p.folder / "val" / within / "train2.png");
        }
        CHECK(p.finds("by their numbers", {"val/images/train2.png (val)", "between train1.png and train3.png"}, false));
    }
}

TEST_CASE("a picture without a label map is a fault, be it all of a split that is drawn") {
    const TemporaryFolder folder;
    for (const char* within : {"images", "masks"}) fs::create_directories(folder / within);
    for (int i = 0; i < 4; ++i) {
        const Scene scene = generate_scene(4, static_cast<std::uint64_t>(i), 48, 64);
        write_png(folder / fmt::format("images/{}.png", i), scene.image);
        write_png(folder / fmt::format("masks/{}.png", i), scene.label);
    }
    const auto open = [&] { return DataFolder::open(folder.path()); };
    REQUIRE(open().samples("val").size() == 1);
    const SamplePaths held = open().samples("val")[0];
    fs::remove(held.label);
    const std::string lacks = held.image.string() + ": has no label map";
    CHECK(find_problems(open()).first_fault() == lacks);
    for (const auto& use : {std::function([&] { open().dataset("val"); }), std::function([&] { drawn(open()); })})
        CHECK(mentions(error_of(use), {lacks.c_str()}));
}

TEST_CASE("label maps of another kind, and of pictures that no list names") {
    const TemporaryFolder folder;
    const Image image = generate_scene(4, 1, 48, 64).image;
    const auto write = [&](const fs::path& file) {
        fs::create_directories((folder / file).parent_path());
        write_png(folder / file, image);
    };
    write("city/leftImg8bit/train/bonn/b_0_0_leftImg8bit.png");
    write("city/gtFine/train/bonn/b_0_0_gtFine_color.png");
    const DataFolder city = DataFolder::open(folder / "city");
    CHECK(mentions(find_problems(city).first_fault(), {"train: ", "_leftImg8bit.png and ", "_color.png do not pair"}));
    CHECK(mentions(error_of([&] { city.dataset("train"); }), {"'train' have no label maps", "_color.png do not pair"}));

    for (const char* name : {"0", "1", "2"})
        for (const char* within : {"images", "masks"}) {
            fs::create_directories(folder / "own" / within);
            write_png(folder / "own" / within / fmt::format("{}.png", name), generate_scene(4, 1, 48, 64).label);
        }
    write_text(folder / "own/train.txt", "0\n");
    CHECK(DataFolder::open(folder / "own").labels_without_image().empty());
    fs::remove(folder / "own/images/2.png");
    CHECK(DataFolder::open(folder / "own").labels_without_image() == std::vector{folder / "own/masks/2.png"});
}

TEST_CASE("a conversion that is interrupted leaves nothing behind") {
    const TemporaryFolder folder;
    for (const char* within : {"images", "masks"}) fs::create_directories(folder / "from" / within);
    const Scene scene = generate_scene(4, 1, 480, 640);
    write_png(folder / "image.png", scene.image);
    write_png(folder / "label.png", scene.label);
    for (int i = 0; i < 300; ++i) {
        fs::create_hard_link(folder / "image.png", folder / fmt::format("from/images/{}.png", i));
        fs::create_hard_link(folder / "label.png", folder / fmt::format("from/masks/{}.png", i));
    }
    fs::create_directories(folder / "out");
    CommandLimits limits;
    limits.signal = SIGTERM;
    limits.when = [&] { return !fs::is_empty(folder / "out"); };
    const CommandResult result =
        run_camber({"data", "convert", (folder / "from").string(), "--out", (folder / "out/new").string()}, limits);
    CHECK(result.exit_code == 130);
    CHECK(fs::is_empty(folder / "out"));
}

TEST_CASE("data info names layout, splits, sizes, shares and what is wrong, and ends with one line for faults") {
    const Planted p;
    const std::string folder = p.folder.path().string();
    const CommandResult sound = run_camber({"data", "info", folder});
    CHECK(sound.exit_code == 0);
    CHECK(mentions(sound.output, {"folders (it has train/images/ and train/labels/)", "classes: 11 of classes.json",
                                  "train: 3 frames, 3 of 48x64", "val: 3 frames", "Road", "%"}));
    fs::remove(p.folder / "train/labels/train0.png");
    fs::remove(p.folder / "train/labels/train2.png");
    const CommandResult faulty = run_camber({"data", "info", folder});
    CHECK(faulty.exit_code == 1);
    CHECK(std::count(faulty.errors.begin(), faulty.errors.end(), '\n') == 1);
    CHECK(mentions(faulty.errors, {"camber: error: ", "train0.png: has no label map", "first of 2 faults"}));
    CHECK(mentions(faulty.output, {"train: 3 frames, 2 faults", "val: 3 frames, 3 of 48x64",
                                   "fault: 2 pictures without a label map", "train2.png"}));
    // Options as train has them, and what they refuse.
    CHECK(run_camber({"data", "info", folder, "--layout", "voc"}).exit_code == 1);
    CHECK(run_camber({"data", "info", folder, "--layout", "x"}).exit_code == 2);
    CHECK(run_camber({"data", "info", folder, "--unknown", "x"}).exit_code == 2);
    CHECK(run_camber({"data", "info", folder, "--val-fraction", "1"}).exit_code == 2);
    CHECK(run_camber({"data", "info", folder, "--map", "1"}).exit_code == 2);
    CHECK(run_camber({"data", "info", folder, "--classes", "none.csv"}).exit_code == 2);
}

TEST_CASE("data preview and convert write what they say") {
    const Planted p;
    const std::string folder = p.folder.path().string(), sheet = (p.folder / "sheet.png").string(),
                      plain = (p.folder / "plain").string();
    CHECK(run_camber({"data", "preview", folder, "--out", sheet, "--frames", "3"}).exit_code == 0);
    const Image image = read_image(sheet);
    CHECK(image.height > 3 * 48);
    CHECK(run_camber({"data", "convert", folder, "--out", plain, "--map", "8=void"}).exit_code == 0);
    const Dataset converted = Dataset::open(plain, "train"), before = Dataset::open(folder, "train");
    REQUIRE(converted.size() == 3);
    Image expected = before.label(0);
    for (auto& id : expected.data) id = id == 8 ? 11 : id;
    CHECK(converted.label(0) == expected);
    const CommandResult again = run_camber({"data", "convert", folder, "--out", plain});
    CHECK(again.exit_code == 1);
    CHECK(mentions(again.errors, {"plain: exists already"}));
}

TEST_CASE("data convert refuses options that what it is given has no use for") {
    const TemporaryFolder folder;
    const std::string file = (folder / "c.json").string(), out = (folder / "out").string();
    write_png(folder / "a.png", Image(6, 8, 3));
    write_text(folder / "c.json", R"({"images": [{"id": 1, "file_name": "a.png"}], "annotations": [],
                                      "categories": [{"id": 1, "name": "car"}]})");
    for (const auto& [option, value] :
         {std::pair("--map", "1=void"), {"--classes", "camvid11"}, {"--layout", "voc"}, {"--unknown", "void"}}) {
        const CommandResult result = run_camber({"data", "convert", file, "--out", out, option, value});
        CHECK(result.exit_code == 2);
        CHECK(mentions(result.errors, {option, "not for drawn polygons"}));
    }
    CHECK(!fs::exists(out));
    CHECK(run_camber({"data", "convert", file, "--out", out, "--val-fraction", "0.5"}).exit_code == 0);
    const CommandResult images = run_camber({"data", "convert", out, "--out", out + "2", "--images", out});
    CHECK(images.exit_code == 2);
    CHECK(mentions(images.errors, {"--images is for drawn polygons"}));
}

TEST_CASE("a preview takes the place of a preview alone, and lies among no frames") {
    const Planted p;
    const std::string folder = p.folder.path().string();
    const auto preview = [&](const fs::path& out) {
        return run_camber({"data", "preview", folder, "--out", (p.folder / out).string()});
    };
    for (int time = 0; time < 2; ++time) CHECK(preview("preview.png").exit_code == 0);
    const std::string before = read_text(p.folder / "classes.json");
    const std::vector<unsigned char> label = read_bytes(p.folder / "train/labels/train0.png");
    write_bytes(p.folder / "mine.png", label);
    for (const char* out : {"train/labels/train0.png", "train/images/train0.png", "train/images/new.png", "val/new.png",
                            "val/labels/../labels/new.png"})
        CHECK(mentions(preview(out).errors, {"--out ", "frames or label maps", "folder of its own"}));
    for (const char* out : {"classes.json", "sheet.jpg", "sheet"}) CHECK(preview(out).exit_code == 2);
    CHECK(mentions(preview("mine.png").errors, {"mine.png: exists, and is no sheet"}));
    CHECK(read_bytes(p.folder / "mine.png") == label);
    CHECK(read_bytes(p.folder / "train/labels/train0.png") == label);
    CHECK(read_text(p.folder / "classes.json") == before);
}

TEST_CASE("runs and converted datasets do not lie among frames either") {
    const Planted p;
    const std::string folder = p.folder.path().string();
    for (const char* out : {"train/images", "train/labels", "train", "val/images/run"}) {
        CAPTURE(out);
        const std::string path = (p.folder / out).string();
        const CommandResult trained = run_camber({"train", "--data", folder, "--epochs", "1", "--out", path});
        CHECK(trained.exit_code == 2);
        CHECK(mentions(trained.errors, {"frames or label maps"}));
    }
    CHECK(run_camber({"data", "convert", folder, "--out", (p.folder / "val/labels/new").string()}).exit_code == 2);
    CHECK_FALSE(fs::exists(p.folder / "val/labels/new"));
}

TEST_CASE("what info calls a fault is not converted; frames without labels are counted") {
    const Planted p;
    const std::string folder = p.folder.path().string();
    const auto convert = [&](const char* out) {
        return run_camber({"data", "convert", folder, "--out", (p.folder / out).string()});
    };
    fs::create_directories(p.folder / "test");
    write_png(p.folder / "test/a.png", Image(48, 64, 3));
    const CommandResult sound = convert("sound");
    CHECK(sound.exit_code == 0);
    CHECK(mentions(sound.output, {"6 frames of 11 classes", "left out: 1 frame of test without a label map"}));
    write_png(p.folder / "val/labels/val2.png", Image(48, 63, 1));
    CHECK(convert("sizes").exit_code == 1);
    fs::remove(p.folder / "val/labels/val2.png");
    CHECK(mentions(convert("missing").errors, {"val2.png: has no label map"}));
    CHECK_FALSE(fs::exists(p.folder / "missing"));
}
