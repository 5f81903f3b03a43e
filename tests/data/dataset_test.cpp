#include <camber/data_folder.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "core/parallel_for.h"
#include "small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

std::string open_error(const fs::path& folder, const std::string& split = "train") {
    const std::string error = error_of([&] { Dataset::open(folder, split); });
    CHECK(error.find('\n') == std::string::npos);
    return error;
}

}  // namespace

TEST_CASE("a dataset in SegNet's layout") {
    TemporaryFolder folder;
    write_small_dataset(folder.path(), 5);
    std::size_t calls = 0;
    DatasetOptions options;
    options.progress = [&](std::size_t done, std::size_t total) {
        CHECK(total == 5);
        CHECK(done <= total);
        ++calls;
    };
    const Dataset dataset = Dataset::open(folder.path(), "train", options);
    CHECK(calls > 0);
    CHECK(dataset.size() == 5);
    CHECK(dataset.split() == "train");
    CHECK(dataset.name(2) == "002");
    CHECK(dataset.sample(2)->image == patterned_image(12, 16, 2));
    CHECK(dataset.label(2) == patterned_label(12, 16, 2));
    CHECK(dataset.sample(2)->original_label() == dataset.label(2));
    CHECK(dataset.classes().name == "camvid11");
    CHECK(DataFolder::open(folder.path()).splits() == std::vector<std::string>{"train", "val"});
}

TEST_CASE(
    "--classes of a folder that has no table names its classes, or says what becomes of those that it is known for") {
    TemporaryFolder folder;
    write_small_dataset(folder / "data", 2);
    const Image ids = Dataset::open(folder / "data", "train").label(0);
    const auto read = [&](const std::string& file, const std::string& text) {
        write_text(folder / file, text);
        FolderOptions options;
        options.classes = (folder / file).string();
        return DataFolder::open(folder / "data", options).dataset("train").label(0);
    };
    std::string reversed, others;
    const auto& names = camvid11().names;
    for (auto name = names.rbegin(); name != names.rend(); ++name) reversed += *name + "\n";
    for (std::size_t i = 0; i < names.size(); ++i) others += "thing" + std::string(i, 'x') + "\n";
    Image turned = ids, drive = ids;
    for (std::uint8_t& id : turned.data)
        if (id < 11) id = static_cast<std::uint8_t>(10 - id);
    const auto road = std::find(names.begin(), names.end(), "Road") - names.begin();
    for (std::uint8_t& id : drive.data) id = id == road ? 0 : 255;
    CHECK(read("reversed.txt", reversed + "Void\n") == turned);
    CHECK(read("others.txt", others + "Void\n") == ids);
    CHECK(read("drive.json", R"({"name": "d", "classes": [{"name": "drive", "colour": [1, 2, 3], "from": ["Road"]}],
                                 "void": {"id": 255, "name": "void", "colour": [0, 0, 0]}})") == drive);
    // By name in any case; where some names alone are CamVid's, nothing says whether they are of the ids.
    std::string small = reversed;
    for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    CHECK(read("small.txt", small + "Void\n") == turned);
    for (const char* more : {"Train", "Cyclist"})
        CHECK(mentions(error_of([&] { read("more.txt", reversed + more + "\n"); }),
                       {"more.txt", more, "none of the folder's classes", "camvid11", "from"}));
    FolderOptions options;
    options.classes = "camvid32";
    const DataFolder of_32 = DataFolder::open(folder / "data", options);
    const auto sky = std::find(names.begin(), names.end(), "Sky") - names.begin();
    const auto& names_32 = camvid32().names;
    const auto sky_32 = std::find(names_32.begin(), names_32.end(), "Sky") - names_32.begin();
    const Image label = of_32.dataset("train").label(0);
    for (std::size_t i = 0; i < ids.data.size(); ++i)
        if (ids.data[i] == sky) CHECK(label.data[i] == sky_32);
    const std::string notes = fmt::format("{}", fmt::join(of_32.notes(), "\n"));
    CHECK(mentions(notes, {"nothing for them: Pole, Pavement", "warning: --classes camvid32: 'Animal'"}));
    options.classes = (folder / "others.txt").string();
    CHECK(mentions(DataFolder::open(folder / "data", options).notes().front(),
                   {"warning: --classes", "none of its classes", "0 is thing"}));
}

TEST_CASE("lists may name absolute paths, other extensions, and have odd white space") {
    TemporaryFolder folder;
    write_small_dataset(folder.path(), 3);
    write_bytes(folder / "train/002.jpg", encode_jpeg(patterned_image(12, 16, 2)));
    fs::remove(folder / "train/002.png");
    write_text(folder / "train.txt",
               "/SegNet/CamVid/train/001.png   /SegNet/CamVid/trainannot/001.png\r\n"
               "\n"
               "elsewhere/000.png\tother/000.png\n"
               "train/002.png trainannot/002.png");
    const Dataset dataset = Dataset::open(folder.path(), "train");
    REQUIRE(dataset.size() == 3);
    CHECK(dataset.name(0) == "001");
    CHECK(dataset.name(1) == "000");
    CHECK(dataset.label(1) == patterned_label(12, 16, 0));
    CHECK(dataset.sample(2)->image.width == 16);
}

TEST_CASE("folders are paired by name where there is no list") {
    TemporaryFolder folder;
    write_small_dataset(folder.path(), 3);
    fs::remove(folder / "val.txt");
    const Dataset dataset = Dataset::open(folder.path(), "val");
    REQUIRE(dataset.size() == 3);
    CHECK(dataset.name(0) == "000");
    fs::remove(folder / "valannot/001.png");
    CHECK(mentions(open_error(folder.path(), "val"), {"001.png", "no label map"}));
}

TEST_CASE("a folder's classes.json replaces CamVid's") {
    TemporaryFolder folder;
    write_small_dataset(folder.path(), 2);
    ClassTable table = camvid11();
    table.name = "mine";
    write_text(folder / "classes.json", class_table_json(table));
    CHECK(Dataset::open(folder.path(), "train").classes().name == "mine");
}

TEST_CASE("resizing at load keeps the original label maps unless told not to") {
    TemporaryFolder folder;
    write_small_dataset(folder.path(), 2);
    DatasetOptions options;
    options.load_height = 6;
    options.load_width = 8;
    const Dataset dataset = Dataset::open(folder.path(), "train", options);
    CHECK(dataset.sample(1)->image == resize_area(patterned_image(12, 16, 1), 6, 8));
    CHECK(dataset.label(1) == resize_nearest(patterned_label(12, 16, 1), 6, 8));
    CHECK(dataset.sample(1)->original_label() == patterned_label(12, 16, 1));
    options.load_width = 0;
    CHECK(mentions(error_of([&] { Dataset::open(folder.path(), "train", options); }), {"6x0"}));
}

TEST_CASE("every fault of a dataset is one line that names the file") {
    TemporaryFolder folder;
    const fs::path root = folder / "set";
    CHECK(mentions(open_error(root), {root.c_str(), "no such folder"}));
    fs::create_directories(root);
    CHECK(mentions(open_error(root), {root.c_str(), "no splits", "train.txt"}));
    write_small_dataset(root, 3);
    CHECK(open_error(root).empty());
    CHECK(mentions(open_error(root, "test"), {"'test'", "train, val"}));

    const auto list = [&](const std::string& text) {
        write_text(root / "train.txt", text);
        return open_error(root);
    };
    CHECK(mentions(list(""), {"train.txt", "lists no images"}));
    CHECK(mentions(list("a b c\n"), {"train.txt line 1", "found 3 fields"}));
    CHECK(mentions(list("train/009.png trainannot/000.png\n"), {"line 1", "image train/009.png is not there"}));
    CHECK(
        mentions(list("train/000.png trainannot/009.png\n"), {"line 1", "label map trainannot/009.png is not there"}));
    list("train/000.png trainannot/000.png\ntrain/001.png trainannot/001.png\n");

    const fs::path image = root / "train/001.png", label = root / "trainannot/001.png";
    const auto good_image = read_bytes(image), good_label = read_bytes(label);
    write_text(image, "nothing");
    CHECK(mentions(open_error(root), {image.c_str(), "not a PNG or JPEG"}));
    auto cut = good_image;
    cut.resize(cut.size() / 2);
    write_bytes(image, cut);
    CHECK(mentions(open_error(root), {image.c_str(), "cut short"}));
    write_bytes(image, good_image);

    write_png(label, patterned_label(12, 15));
    CHECK(mentions(open_error(root), {label.c_str(), "15x12", "16x12"}));
    write_png(label, patterned_image(12, 16));
    CHECK(mentions(open_error(root), {label.c_str(), "the colour ", "row 0, column 0", "other colours", "nearest is ",
                                      "pictures and labels swapped"}));
    Image wrong = patterned_label(12, 16);
    *wrong.at(7, 3) = 57;
    *wrong.at(9, 1) = 58;
    write_png(label, wrong);
    CHECK(mentions(open_error(root), {label.c_str(), "id 57", "row 7", "column 3", "0..10", "void (11)"}));
    write_bytes(label, good_label);
    CHECK(open_error(root).empty());

    // Of several faults the first in the list is reported, however many threads decode.
    write_text(root / "train/000.png", "nothing");
    write_text(image, "nothing");
    for (int run = 0; run < 5; ++run) CHECK(mentions(open_error(root), {"000.png"}));
}

TEST_CASE("class shares, median frequency weights and the fingerprint") {
    // Sky in both images (half and a quarter), road in the first alone, void the rest.
    Image first(2, 4, 1), second(2, 4, 1);
    first.data = {0, 0, 0, 0, 3, 3, 11, 11};
    second.data = {0, 0, 8, 8, 8, 8, 8, 8};
    std::vector<Image> images = {patterned_image(2, 4, 1), patterned_image(2, 4, 2)};
    const Dataset dataset = Dataset::from_samples(images, {first, second}, camvid11());
    const DatasetInfo info = describe(dataset);
    CHECK(info.images == 2);
    REQUIRE(info.sizes.size() == 1);
    CHECK(info.sizes[0].count == 2);
    CHECK(info.classes[0].pixels == 6);
    CHECK(info.classes[0].images == 2);
    CHECK(info.classes[0].share == doctest::Approx(6.0 / 16));
    CHECK(info.unlabelled.share == doctest::Approx(2.0 / 16));
    // freq: sky 6/16, road 2/8, car 6/8; the median is sky's.
    const std::vector<float> weights = median_frequency_weights(dataset);
    REQUIRE(weights.size() == 11);
    CHECK(weights[0] == doctest::Approx(1.0));
    CHECK(weights[3] == doctest::Approx(1.5));
    CHECK(weights[8] == doctest::Approx(0.5));
    CHECK(weights[1] == 0);
    CHECK(info.classes[3].weight == doctest::Approx(1.5));

    CHECK(describe(dataset).fingerprint == info.fingerprint);
    second.data[0] = 1;
    CHECK(describe(Dataset::from_samples(images, {first, second}, camvid11())).fingerprint != info.fingerprint);
}

TEST_CASE("parallel work reports the lowest failure and passes on a progress callback's") {
    for (const int threads : {1, 2, 4}) {
        const std::string error = error_of([&] {
            parallel_for(50, threads, [](std::size_t i) {
                if (i % 10 == 7) fail("item {}", i);
            });
        });
        CHECK(error == "item 7");
    }
    CHECK(error_of([] {
              parallel_for(
                  5, 2, [](std::size_t) {}, [](std::size_t, std::size_t) { fail("stop"); });
          }) == "stop");
    parallel_for(0, 2, [](std::size_t) { FAIL("no work expected"); });
}
