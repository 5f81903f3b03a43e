#include "data/label_coding.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "data/known_classes.h"
#include "layout_folders.h"
#include "small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// images/ and masks/ of one frame of 2x4, and what masks/a.png is.
struct Own {
    TemporaryFolder folder;

    explicit Own(const Image& label, const std::string& table = "") {
        for (const char* name : {"images", "masks"}) std::filesystem::create_directories(folder / name);
        for (const char* name : {"a.png", "b.png"}) {
            write_png(folder / "images" / name, patterned_image(2, 4, name[0]));
            write_png(folder / "masks" / name, label);
        }
        if (!table.empty()) write_text(folder / "classes.csv", table);
    }
    Image read(const FolderOptions& options = {}) const {
        return DataFolder::open(folder.path(), options).dataset("train").label(0);
    }
    std::string error(const FolderOptions& options = {}) const {
        return error_of([&] { read(options); });
    }
};

Image ids(std::vector<std::uint8_t> values) {
    Image label(2, 4, 1);
    label.data = std::move(values);
    return label;
}

using Bytes = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("stored ids are mapped, merged and made void") {
    const Own own(ids({0, 1, 2, 7, 255, 254, 9, 0}), "road\ncar\nrest\n");
    CHECK(mentions(own.error(), {"a.png: id 7 at row 0, column 3 (1 pixel; 2 other ids likewise)", "0..2", "void (255)",
                                 "--map 7=void", "--unknown void"}));
    FolderOptions options;
    options.map = "254=void,7=1,9=rest";
    CHECK(own.read(options).data == Bytes{0, 1, 2, 1, 255, 255, 2, 0});
    options.map = "7=0";
    options.unknown = UnknownLabels::as_void;
    CHECK(own.read(options).data == Bytes{0, 1, 2, 0, 255, 255, 255, 0});
    for (const char* bad : {"7", "7=", "=1", "x=1", "7=4", "7=sky", "70000=1"}) {
        CAPTURE(bad);
        options.map = bad;
        CHECK(mentions(own.error(options), {"--map", "255=void,7=3"}));
    }
}

TEST_CASE("--map's numbers are stored ids before the =, of colours those that the table says, and classes after it") {
    const auto colours = [](const std::vector<Rgb>& pixels) {
        Image label(2, 4, 3);
        for (std::size_t i = 0; i < 8; ++i) std::copy_n(pixels[i % pixels.size()].data(), 3, &label.data[3 * i]);
        return label;
    };
    const Rgb road = {1, 2, 3}, car = {4, 5, 6}, tree = {7, 8, 9};
    FolderOptions options;
    // A table without ids: a class has its position.
    const Own plain(colours({road, car, tree, road}), "road,1,2,3\ncar,4,5,6\ntree,7,8,9\n");
    options.map = "2=void,1=0";
    CHECK(plain.read(options).data == Bytes{0, 0, 255, 0, 0, 0, 255, 0});
    // One with ids of its own: the same numbers for colours as for ids.
    const std::string table = "10,road,1,2,3\n2,car,4,5,6\n30,tree,7,8,9\n";
    const Own painted(colours({road, car, tree, road}), table), stored(ids({10, 2, 30, 10, 10, 2, 30, 10}), table);
    for (const auto& [map, expected] : {std::pair("30=void", Bytes{0, 1, 255, 0, 0, 1, 255, 0}),
                                        {"2=void", Bytes{0, 255, 2, 0, 0, 255, 2, 0}},
                                        {"10=2", Bytes{2, 1, 2, 2, 2, 1, 2, 2}},
                                        {"10=tree", Bytes{2, 1, 2, 2, 2, 1, 2, 2}}}) {
        CAPTURE(map);
        options.map = map;
        CHECK(painted.read(options).data == expected);
        CHECK(stored.read(options).data == expected);
    }
}

TEST_CASE("where nothing says it, ids that are found are classes") {
    const Own some(ids({0, 5, 9, 255, 0, 0, 0, 0}));
    const DataFolder data = DataFolder::open(some.folder.path());
    CHECK(data.classes().names == std::vector<std::string>{"class 0", "class 5", "class 9"});
    CHECK(some.read().data == Bytes{0, 1, 2, 255, 0, 0, 0, 0});
    CHECK(mentions(fmt::format("{}", fmt::join(data.notes(), "\n")), {"no class table", "classes.csv"}));
    CHECK(mentions(data.notes().back(), {"warning: ", "a.png: 255 is taken as void", "--map 255=void"}));
    FolderOptions said;
    said.map = "255=void";
    CHECK(mentions(DataFolder::open(some.folder.path(), said).notes().back(), {"no class table"}));
    // A table that does not say it either.
    const Own three(ids({0, 255, 255, 0, 0, 0, 0, 0}), "road\ncar\nrest\n");
    CHECK(mentions(DataFolder::open(three.folder.path()).notes().back(), {"warning: ", "a.png: 255 is taken as void"}));
    Image smooth(10, 10, 1);
    for (std::size_t i = 0; i < 100; ++i) smooth.data[i] = static_cast<std::uint8_t>(2 * i);
    const Own resized(smooth);
    CHECK(mentions(DataFolder::open(resized.folder.path()).notes().back(),
                   {"warning: ", "a.png: has 100 ids", "smoothly"}));

    const Own two(ids({0, 255, 255, 0, 0, 0, 0, 0}));
    CHECK(two.read().data == Bytes{0, 1, 1, 0, 0, 0, 0, 0});
    const Own named(ids({0, 255, 255, 0, 0, 0, 0, 0}), "background\nroad\n");
    CHECK(named.read().data == Bytes{0, 1, 1, 0, 0, 0, 0, 0});
    // A table that has a void of its own means it.
    const Own with_void(ids({0, 255, 255, 0, 0, 0, 0, 0}));
    write_text(with_void.folder / "classes.json", class_table_json(numbered_classes(2)));
    CHECK(with_void.read().data == Bytes{0, 255, 255, 0, 0, 0, 0, 0});

    CHECK(
        mentions(DataFolder::open(with_void.folder.path()).notes().back(), {"2 label maps", "255 is void", "class1"}));
    // Masks of several tools.
    for (const char* classes : {"", "background\nroad\n"}) {
        const Own mixed(ids({0, 255, 255, 0, 0, 0, 0, 0}), classes);
        write_png(mixed.folder / "masks/a.png", ids({0, 0, 1, 0, 0, 0, 0, 0}));
        const DataFolder folder = DataFolder::open(mixed.folder.path());
        CHECK(folder.classes().count() == 2);
        CHECK(folder.read_label(mixed.folder / "masks/a.png").data == Bytes{0, 0, 1, 0, 0, 0, 0, 0});
        CHECK(folder.read_label(mixed.folder / "masks/b.png").data == Bytes{0, 1, 1, 0, 0, 0, 0, 0});
        CHECK(mentions(folder.notes().back(), {"1 label maps are of 0 and 1", "1 of 0 and 255", "both"}));
        // Where one map has both, 255 is void.
        write_png(mixed.folder / "masks/a.png", ids({0, 255, 1, 0, 0, 0, 0, 0}));
        CHECK(DataFolder::open(mixed.folder.path()).read_label(mixed.folder / "masks/b.png").data ==
              Bytes{0, 255, 255, 0, 0, 0, 0, 0});
    }

    ClassTable table = numbered_classes(3);
    table.colours = {{10, 0, 0}, {0, 20, 0}, {0, 0, 30}};
    const Own colours(in_colours(ids({0, 1, 2, 0, 0, 0, 0, 0}), table));
    CHECK(DataFolder::open(colours.folder.path()).classes().names ==
          std::vector<std::string>{"colour 0 0 30", "colour 0 20 0", "colour 10 0 0"});
    CHECK(colours.read().data == Bytes{2, 1, 0, 2, 2, 2, 2, 2});
    const Own photograph(patterned_image(20, 30));
    CHECK(mentions(photograph.error(), {"a.png", "more than 64 colours", "swapped"}));
}

TEST_CASE("classes of a network name what nothing else does") {
    const Own own(ids({0, 1, 1, 0, 255, 0, 0, 0}));
    FolderOptions options;
    ClassTable network = numbered_classes(3);
    network.names = {"road", "car", "rest"};
    options.otherwise = network;
    const DataFolder data = DataFolder::open(own.folder.path(), options);
    CHECK(data.classes().names == network.names);
    CHECK(data.dataset("train").label(0).data == Bytes{0, 1, 1, 0, 255, 0, 0, 0});
    // Of one that was trained on ids with gaps, this folder having fewer of them.
    const Own gaps(ids({0, 9, 9, 0, 0, 0, 0, 0}));
    network = DataFolder::open(Own(ids({0, 5, 9, 0, 0, 0, 0, 0})).folder.path()).classes();
    CHECK(network.names == std::vector<std::string>{"class 0", "class 5", "class 9"});
    options.otherwise = network;
    CHECK(gaps.read(options).data == Bytes{0, 2, 2, 0, 0, 0, 0, 0});
    // Other ids are none of its classes, whatever their number, nor is the foreground of other masks void.
    const Own others(ids({0, 1, 2, 0, 0, 0, 0, 0}));
    CHECK(mentions(others.error(options), {"a.png: id 1 at row 0", "neither a class (nearest 0, class 0) nor void",
                                           "of those found in the label maps", "--map 1=void"}));
    options.map = "1=1,2=void";
    CHECK(others.read(options).data == Bytes{0, 1, 255, 0, 0, 0, 0, 0});
    options.map.clear();
    const Own unknown(ids({0, 7, 9, 0, 0, 0, 0, 0}));
    CHECK(mentions(unknown.error(options), {"a.png: id 7 "}));
    const Own foreground(ids({0, 255, 255, 0, 0, 0, 0, 0}));
    CHECK(mentions(foreground.error(options), {"a.png: id 255 at row 0", "--map 255=void"}));
    options.otherwise = DataFolder::open(others.folder.path()).classes();
    CHECK(mentions(foreground.error(options), {"id 255", "neither a class (0..2) nor void of those"}));
    options.otherwise = network;
    const Own coloured(in_colours(ids({0, 1, 1, 0, 0, 0, 0, 0}), camvid11()));
    CHECK(mentions(coloured.error(options), {"label maps are colours", "has learnt ids", "classes.csv"}));
    // The second of two is 1 or 255.
    for (const int second : {1, 255}) {
        const std::uint8_t id = static_cast<std::uint8_t>(second);
        options.otherwise = DataFolder::open(Own(ids({0, id, 0, 0, 0, 0, 0, 0})).folder.path()).classes();
        CHECK(foreground.read(options).data == Bytes{0, 1, 1, 0, 0, 0, 0, 0});
        const Own ones(ids({0, 1, 1, 0, 0, 0, 0, 0}));
        CHECK(ones.read(options).data == Bytes{0, 1, 1, 0, 0, 0, 0, 0});
        const Own with_void(ids({0, 1, 255, 0, 0, 0, 0, 0}));
        CHECK(with_void.read(options).data == Bytes{0, 1, 255, 0, 0, 0, 0, 0});
        const Own two(ids({0, 2, 2, 0, 0, 0, 0, 0}));
        CHECK(mentions(two.error(options), {"a.png: id 2 "}));
    }
}

TEST_CASE("--map says each id once, and what does nothing is said") {
    FolderOptions options;
    const Own painted(in_colours(ids({0, 1, 1, 0, 0, 0, 0, 0}), camvid11()), "road,128,128,128\ncar,128,0,0\n");
    options.map = "0=road,0=car";
    CHECK(mentions(painted.error(options), {"--map", "'0=car' says of 0 a second time"}));
    options.map = "9=road";
    CHECK(mentions(DataFolder::open(painted.folder.path(), options).notes().back(),
                   {"warning: --map 9=", "no effect", "colours"}));
    options.map = "1=road";
    CHECK_FALSE(mentions(DataFolder::open(painted.folder.path(), options).notes().back(), {"no effect"}));
    const Own stored(ids({0, 1, 1, 0, 0, 0, 0, 0}), "road\ncar\nrest\n");
    options.map = "1=rest,300=road";
    CHECK(mentions(DataFolder::open(stored.folder.path(), options).notes().back(),
                   {"warning: --map 300=", "no effect", "no label map holds"}));
}

TEST_CASE("a class table may lie beside the folder that an archive was unpacked to") {
    const Own own(ids({0, 1, 2, 0, 0, 0, 0, 0}));
    const TemporaryFolder outer;
    std::filesystem::copy(own.folder.path(), outer / "data", std::filesystem::copy_options::recursive);
    write_text(outer / "Classes.csv", "road\ncar\nrest\n");
    for (const char* end : {"", "/"})
        CHECK(DataFolder::open(outer.path().string() + end).classes().names ==
              std::vector<std::string>{"road", "car", "rest"});
}

TEST_CASE("colours that no class has are counted, with their place and the nearest class") {
    Image label = in_colours(ids({5, 5, 17, 17, 30, 30, 17, 17}), camvid32());
    std::string text;
    for (int id = 0; id < 32; ++id)
        text += fmt::format("{},{}\n", camvid32().name_of(id), fmt::join(camvid32().colour_of(id), ","));
    const Own good(label, text);
    CHECK(good.read().data == Bytes{5, 5, 17, 17, 30, 30, 17, 17});
    for (const std::size_t pixel : {2, 6}) label.data[3 * pixel] += 2;
    label.data[3 * 7] = 0;
    const Own bad(label, text);
    CHECK(mentions(bad.error(), {"a.png: the colour 130 64 128 at row 0, column 2 (2 pixels; 1 other colour likewise)",
                                 "classes.csv", "the nearest is Road (128 64 128)", "--unknown void"}));
    FolderOptions options;
    options.unknown = UnknownLabels::as_void;
    CHECK(bad.read(options).data == Bytes{5, 5, 30, 17, 30, 30, 30, 30});
    options.map = "5=17";  // the id that the colour's class has
    CHECK(bad.read(options).data == Bytes{17, 17, 30, 17, 30, 30, 30, 30});

    Image grey(2, 4, 3);
    for (std::size_t i = 0; i < grey.data.size(); ++i) grey.data[i] = static_cast<std::uint8_t>(i / 3 % 3 + 1);
    const Own equal(grey, text);
    CHECK(mentions(equal.error(), {"are these ids, saved as RGB?"}));
    const Own twice(label, "a,1,2,3\nb,1,2,3\n");
    Image same(2, 4, 3);
    for (std::size_t i = 0; i < same.data.size(); ++i) same.data[i] = static_cast<std::uint8_t>(i % 3 + 1);
    write_png(twice.folder / "masks/a.png", same);
    CHECK(mentions(twice.error(), {"colour 1 2 3", "two classes"}));
}

TEST_CASE("palettes are indices, or colours where the format's colours are what counts") {
    const Own own(ids({0, 1, 2, 0, 0, 0, 0, 0}), "a\nb\nc\n");
    write_palette_png(own.folder / "masks/a.png", ids({0, 1, 2, 2, 2, 1, 1, 0}));
    CHECK(own.read().data == Bytes{0, 1, 2, 2, 2, 1, 1, 0});
    LabelCoding coding({camvid32(), {}, true, true});
    coding.set_palette_colours(true);
    const LabelFile stored{LabelFile::Kind::palette, 8, 1, 2, {1, 0}, {}, {{128, 64, 128}, {0, 0, 0}}};
    CHECK(coding.decode("x.png", stored).data == Bytes{30, 17});
}

TEST_CASE("a palette of the table's colours in another order is refused, one that says something else is named") {
    // The palette that is written is VOC's; of another table it says nothing.
    const auto colours = [](int a, int b, int c) {
        std::string text;
        for (const int id : {a, b, c}) text += fmt::format("c{},{}\n", id, fmt::join(voc_colour(id), ","));
        const TemporaryFolder folder;
        write_text(folder / "classes.csv", text);
        return read_class_file(folder / "classes.csv");
    };
    const auto stored = [](std::vector<std::uint16_t> values, std::vector<Rgb> palette) {
        return LabelFile{LabelFile::Kind::palette, 8, 1, 3, std::move(values), {}, std::move(palette)};
    };
    const LabelCoding coding(colours(1, 2, 3));
    const Rgb one = voc_colour(1), two = voc_colour(2), three = voc_colour(3), other = {9, 9, 9};
    CHECK(coding.decode("x.png", stored({0, 1, 2}, {one, two, three})).data == Bytes{0, 1, 2});
    CHECK(mentions(
        error_of([&] {
            coding.decode("x.png", stored({0, 1, 2}, {two, one, three}));
        }),
        {"x.png: its palette", "another order", "index 0 is 0 128 0, the colour of c2, but as an id it is c1"}));
    CHECK(coding.decode("x.png", stored({0, 1, 2}, {other, one, three})).data == Bytes{0, 1, 2});
    CHECK(coding.doubt(stored({0, 1, 2}, {other, one, three})).index == 1);
    CHECK(coding.doubt(stored({0, 2, 2}, {other, one, three})).index == -1);  // unused
    CHECK(coding.doubt(stored({0, 1, 2}, {voc_colour(0), one, two, three})).index == -1);

    const Own own(ids({0, 1, 2, 0, 0, 0, 0, 0}), "a\nb\nc\n");
    for (const char* name : {"a.png", "b.png"})
        write_palette_png(own.folder / "masks" / name, ids({0, 1, 2, 2, 2, 1, 1, 0}));
    CHECK_FALSE(mentions(DataFolder::open(own.folder.path()).notes().back(), {"warning"}));
    write_palette_png(own.folder / "masks/b.png", ids({0, 1, 2, 2, 2, 1, 1, 0}), {9, 9, 9});
    CHECK(mentions(DataFolder::open(own.folder.path()).notes().back(),
                   {"warning: ", "b.png: index 0 has the colour 9 9 9, in others 0 0 0", "RGB"}));
}

TEST_CASE("another table takes a folder's classes by name") {
    const Own own(ids({0, 1, 2, 3, 4, 255, 0, 0}), "road\ncar\ntruck\ntree\nsky\n");
    write_text(own.folder / "mine.json", R"({"name": "mine", "classes": [
        {"name": "vehicle", "colour": [1, 2, 3], "from": ["car", "truck"]}, {"name": "Road", "colour": [4, 5, 6]}],
        "void": {"id": 255, "name": "void", "colour": [0, 0, 0], "from": ["sky"]}})");
    FolderOptions options;
    options.classes = (own.folder / "mine.json").string();
    const DataFolder data = DataFolder::open(own.folder.path(), options);
    CHECK(data.dataset("train").label(0).data == Bytes{1, 0, 0, 255, 255, 255, 1, 1});
    const std::string notes = fmt::format("{}", fmt::join(data.notes(), "\n"));
    CHECK(mentions(notes, {"nothing for them: tree"}));
    CHECK(notes.find("sky") == std::string::npos);
    options.classes = "voc";
    CHECK(own.read(options).data == Bytes{255, 7, 255, 255, 255, 255, 255, 255});
    write_text(own.folder / "other.csv", "cat\ndog\n");
    options.classes = (own.folder / "other.csv").string();
    CHECK(mentions(own.error(options), {"none of the classes of ", "other.csv", "road"}));
    options.classes = "camvid12";
    CHECK(mentions(own.error(options), {"camvid12", "camvid11, camvid32, cityscapes, voc"}));
}

TEST_CASE("a class goes by its own spelling first, and into one list alone") {
    const Own own(ids({0, 1, 2, 0, 1, 2, 0, 1}), "Road\nroad\nrest\n");
    FolderOptions options;
    options.map = "2=road";
    CHECK(own.read(options).data == Bytes{0, 1, 1, 0, 1, 1, 0, 1});
    options.map.clear();
    write_text(own.folder / "to.csv", "rest\nroad\nRoad\n");
    options.classes = (own.folder / "to.csv").string();
    CHECK(own.read(options).data == Bytes{2, 1, 0, 2, 1, 0, 2, 1});
    write_text(own.folder / "twice.json", R"({"name": "t", "classes": [
        {"name": "drive", "colour": [1, 1, 1], "from": ["road"]},
        {"name": "other", "colour": [2, 2, 2], "from": ["rest", "road"]}],
        "void": {"id": 255, "name": "void", "colour": [0, 0, 0]}})");
    options.classes = (own.folder / "twice.json").string();
    CHECK(mentions(own.error(options), {"twice.json", "drive and other", "road"}));
    write_text(own.folder / "typo.csv", "road\nRoad\nrset\n");
    options.classes = (own.folder / "typo.csv").string();
    const auto notes = DataFolder::open(own.folder.path(), options).notes();
    CHECK(mentions(fmt::format("{}", fmt::join(notes, "\n")), {"warning: --classes", "'rset' is none", "them: rest"}));
}

TEST_CASE("grey values that are the table's colours are its classes, whatever their order") {
    const Own own(ids({0, 255, 255, 0, 0, 0, 0, 255}), "name,r,g,b\nfg,255,255,255\nbg,0,0,0\n");
    CHECK(own.read().data == Bytes{1, 0, 0, 1, 1, 1, 1, 0});
    const Own three(ids({0, 127, 255, 0, 0, 0, 0, 255}), "car,127,127,127\nbg,0,0,0\nroad,255,255,255\n");
    CHECK(three.read().data == Bytes{1, 0, 2, 1, 1, 1, 1, 2});
    const Own doubtful(ids({0, 1, 1, 0, 0, 0, 0, 1}), "name,r,g,b\nfg,255,255,255\nbg,0,0,0\n");
    CHECK(mentions(DataFolder::open(doubtful.folder.path()).notes().back(), {"warning: ", "0 is fg", "is it not bg"}));
    const Own positions(ids({0, 1, 1, 0, 0, 0, 0, 1}), "name,r,g,b\nbg,0,0,0\nfg,255,255,255\n");
    CHECK(DataFolder::open(positions.folder.path()).notes().back().find("warning: ") == std::string::npos);
    CHECK(positions.read().data == Bytes{0, 1, 1, 0, 0, 0, 0, 1});
    // Also where the values could be places in the table: the rarest class decides nothing.
    const char* const columns = "name,r,g,b\nbg,0,0,0\ncar,2,2,2\nroad,1,1,1\nx,5,5,5\n";
    const Own all(ids({0, 1, 2, 5, 0, 1, 2, 5}), columns), some(ids({0, 1, 2, 2, 0, 1, 2, 2}), columns);
    CHECK(all.read().data == Bytes{0, 2, 1, 3, 0, 2, 1, 3});
    CHECK(some.read().data == Bytes{0, 2, 1, 1, 0, 2, 1, 1});
    const Own beyond(ids({0, 1, 2, 2, 0, 1, 2, 2}), "road,1,1,1\ncar,2,2,2\nrest,3,3,3\n");
    const std::vector<std::string> notes = DataFolder::open(beyond.folder.path()).notes();
    CHECK(mentions(fmt::format("{}", fmt::join(notes, "\n")), {"warning: ", "1 is car", "1 is road", "name,id"}));
}

TEST_CASE("what two classes are is asked where the second is the ground") {
    for (const char* table : {"car\nbackground\n", "car\nBG\n", "name,r,g,b\ncar,255,0,0\nbackground,0,0,0\n"}) {
        CAPTURE(table);
        for (const std::uint8_t one : {std::uint8_t{1}, std::uint8_t{255}}) {
            const Own own(ids({0, one, one, 0, 0, 0, 0, one}), table);
            CHECK(mentions(DataFolder::open(own.folder.path()).notes().back(), {"warning: label maps are of 0 and"}) ==
                  (one == 1));
            CHECK(mentions(DataFolder::open(own.folder.path()).notes().back(), {"warning: label maps of 0 and 255"}) ==
                  (one == 255));
        }
    }
    const Own usual(ids({0, 255, 255, 0, 0, 0, 0, 255}), "background\ncar\n");
    CHECK(DataFolder::open(usual.folder.path()).notes().back() == "label maps of 0 and 255: 255 is car");
}

TEST_CASE("transparent pixels are said to be taken as their colours") {
    Image label(2, 4, 4);
    for (int i = 0; i < 8; ++i) label.data[static_cast<std::size_t>(4 * i)] = 255;
    for (int i = 1; i < 8; ++i) label.data[static_cast<std::size_t>(4 * i + 3)] = 255;
    const Own own(label, "name,r,g,b\ncar,255,0,0\nroad,0,0,255\n");
    CHECK(mentions(DataFolder::open(own.folder.path()).notes().back(), {"warning: ", ".png: has transparent pixels"}));
}

TEST_CASE("black that no class has is void, and said") {
    Image label(2, 4, 3);
    for (int i = 2; i < 8; ++i) label.data[static_cast<std::size_t>(3 * i)] = 255;
    const Own own(label, "name,r,g,b\ncar,255,0,0\nroad,0,0,255\n");
    CHECK(mentions(DataFolder::open(own.folder.path()).notes().back(), {"warning: black, 25% of the pixels"}));
    const Own named(label, "name,r,g,b\ncar,255,0,0\nroad,0,0,255\nvoid,0,0,0\n");
    const std::vector<std::string> notes = DataFolder::open(named.folder.path()).notes();
    for (const std::string& note : notes) CHECK(note.find("black") == std::string::npos);
}

TEST_CASE("void's colour is no class's, but for the black that it is left at") {
    Image label(2, 4, 3);
    for (const char* table : {"road,0,0,0\ncar,1,1,1\nvoid,0,0,0\n"})
        CHECK(mentions(Own(label, table).error(), {"0 0 0", "two classes"}));
    CHECK(Own(label, "road,0,0,0\ncar,1,1,1\n").read().data == Bytes(8, 0));
}

TEST_CASE("what is no class is said of the table's file, whatever name its JSON has") {
    const Own own(ids({0, 1, 2, 0, 1, 2, 0, 1}));
    write_text(own.folder / "classes.json", R"({"name": "x", "classes": [{"name": "road"}, {"name": "car"}],
        "void": {"id": 255, "name": "void"}})");
    CHECK(mentions(own.error(), {"a.png: id 2", "of classes.json"}));
}

TEST_CASE("what --unknown void and a checkpoint's --map do is said") {
    const Own own(ids({0, 1, 2, 7, 9, 7, 0, 0}), "road\ncar\nrest\n");
    FolderOptions options;
    options.unknown = UnknownLabels::as_void;
    CHECK(mentions(DataFolder::open(own.folder.path(), options).notes().back(),
                   {"warning: --unknown void: 7, 9 are", "37.5%", "a.png"}));
    options.map = "2=road";
    options.map_of = own.folder.path().string();
    const auto said = [&] {
        return fmt::format("{}", fmt::join(DataFolder::open(own.folder.path(), options).notes(), "\n"));
    };
    CHECK(mentions(said(), {"--map 2=road of the checkpoint"}));
    CHECK(said().find("warning: --map") == std::string::npos);
    options.map_of = "elsewhere";
    CHECK(mentions(said(), {"warning: --map 2=road of the checkpoint is for elsewhere", "2 is rest"}));
}
