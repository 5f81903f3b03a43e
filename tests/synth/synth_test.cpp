#include <camber/dataset.h>
#include <camber/synth.h>
#include <doctest/doctest.h>

#include <numeric>

#include "data/small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

TEST_CASE("scenes are the same for the same seed and index, and differ otherwise") {
    const Scene scene = generate_scene(3, 4, 60, 80), again = generate_scene(3, 4, 60, 80);
    CHECK(scene.image == again.image);
    CHECK(scene.label == again.label);
    CHECK(scene.image.height == 60);
    CHECK(scene.image.width == 80);
    CHECK(scene.image.channels == 3);
    CHECK(scene.label.channels == 1);
    CHECK_FALSE(scene.image == generate_scene(3, 5, 60, 80).image);
    CHECK_FALSE(scene.image == generate_scene(4, 4, 60, 80).image);
}

TEST_CASE("all classes and void occur within a few scenes, in shares like a street's") {
    std::vector<std::uint64_t> counts(12);
    for (std::uint64_t i = 0; i < 24; ++i) {
        for (const std::uint8_t id : generate_scene(1, i, 120, 160).label.data) {
            REQUIRE(id <= 11);
            ++counts[id];
        }
    }
    const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    for (int id = 0; id < 12; ++id) {
        INFO(camvid11().name_of(id));
        CHECK(counts[static_cast<std::size_t>(id)] > 0);
    }
    const auto share = [&](int id) { return static_cast<double>(counts[static_cast<std::size_t>(id)]) / total; };
    CHECK(share(3) > 0.2);  // road
    CHECK(share(3) < 0.45);
    CHECK(share(1) > 0.1);  // buildings
    CHECK(share(0) > 0.05);
    CHECK(share(8) > 0.02);
    CHECK(share(11) < 0.06);
}

TEST_CASE("odd and extreme sizes work; impossible ones are misuse") {
    for (const auto& [h, w] : {std::pair{32, 32}, {33, 47}, {32, 200}, {200, 32}}) {
        const Scene scene = generate_scene(2, 1, h, w);
        CHECK(scene.image.height == h);
        CHECK(scene.label.width == w);
    }
    CHECK(mentions(error_of([] { generate_scene(1, 1, 31, 64); }), {"31x64"}));
    CHECK(mentions(error_of([] { generate_scene(1, 1, 64, 5000); }), {"64x5000"}));
}

TEST_CASE("a written dataset opens again with the scenes that were generated") {
    TemporaryFolder folder;
    const fs::path root = folder / "made" / "synth";
    SynthConfig config{.train_count = 3, .val_count = 2, .height = 48, .width = 64, .seed = 5, .threads = 2};
    std::size_t last = 0;
    write_synthetic_dataset(root, config, [&](std::size_t done, std::size_t total) {
        CHECK(total == 5);
        CHECK(done > last);
        last = done;
    });
    CHECK(last == 5);
    const Dataset train = Dataset::open(root, "train"), val = Dataset::open(root, "val");
    CHECK(train.size() == 3);
    CHECK(val.size() == 2);
    CHECK(train.classes().name == "camvid11");
    for (std::size_t i = 0; i < 3; ++i) {
        const Scene scene = generate_scene(5, i, 48, 64);
        CHECK(train.sample(i)->image == scene.image);
        CHECK(train.label(i) == scene.label);
    }
    CHECK_FALSE(val.sample(0)->image == train.sample(0)->image);
    // Nothing but the dataset is left beside it.
    CHECK(std::distance(fs::directory_iterator(root.parent_path()), {}) == 1);
}

TEST_CASE("a dataset is written whole or not at all") {
    TemporaryFolder folder;
    const SynthConfig config{.train_count = 4, .val_count = 0, .height = 32, .width = 32};
    fs::create_directories(folder / "taken");
    write_text(folder / "taken/file", "x");
    CHECK(mentions(error_of([&] { write_synthetic_dataset(folder / "taken", config); }),
                   {"taken", "not an empty folder"}));
    CHECK(
        mentions(error_of([&] { write_synthetic_dataset(folder / "taken/file/set", config); }), {"cannot be created"}));
    const std::string stopped = error_of(
        [&] { write_synthetic_dataset(folder / "new", config, [](std::size_t, std::size_t) { fail("stopped"); }); });
    CHECK(stopped == "stopped");
    CHECK_FALSE(fs::exists(folder / "new"));
    CHECK(folder.file_count() == 1);

    fs::create_directories(folder / "empty");  // an empty folder is as good as none
    write_synthetic_dataset(folder / "empty/", config);
    CHECK(Dataset::open(folder / "empty", "train").size() == 4);
    CHECK(mentions(error_of([&] { Dataset::open(folder / "empty", "val"); }), {"present: train"}));
    CHECK(mentions(error_of([&] { write_synthetic_dataset(folder / "none", {.train_count = 0, .val_count = 0}); }),
                   {"at least one"}));
}
