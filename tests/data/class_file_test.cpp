#include "data/class_file.h"

#include <doctest/doctest.h>

#include "data/known_classes.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

struct Writer {
    TemporaryFolder folder;

    ClassFile read(const std::string& text, const std::string& name = "classes.csv") const {
        write_text(folder / name, text);
        return read_class_file(folder / name);
    }
    std::string error(const std::string& text) const {
        return error_of([&] { read(text); });
    }
};

}  // namespace

TEST_CASE("tables of one class a line, as tools and people write them") {
    const Writer w;
    for (const char* text : {"name,r,g,b\nroad,128,64,128\nparked car,0,0,142\n",
                             "name; r; g; b\r\nroad; 128; 64; 128\r\nparked car;0;0;142",
                             "\xef\xbb\xbf# mine\n128 64 128\troad\n0 0 142\t\tparked car\n",
                             "road\t128\t64\t128\n\"parked car\"\t0\t0\t142\n"}) {
        CAPTURE(text);
        const ClassFile file = w.read(text);
        CHECK(file.table.names == std::vector<std::string>{"road", "parked car"});
        CHECK(file.table.colours == std::vector<Rgb>{{128, 64, 128}, {0, 0, 142}});
        CHECK(file.table.void_id == 255);
        CHECK_FALSE(file.says_void);
        CHECK(file.sources.empty());
    }
    const ClassFile names = w.read("road\ncar\n", "codes.txt");
    CHECK(names.table.names == std::vector<std::string>{"road", "car"});
    CHECK(names.table.colours[1] == voc_colour(1));
    const ClassFile ids = w.read("7: road\n26: car\n255: void\n", "classes.txt");
    CHECK(ids.table.names == std::vector<std::string>{"road", "car"});
    CHECK(ids.table.void_id == 2);
    REQUIRE(ids.sources.size() == 3);
    CHECK(ids.sources[0].ids == std::vector{7});
    CHECK(ids.sources[2].ids == std::vector{255});
    const ClassFile both = w.read("id,name,r,g,b\n1,road,1,2,3\n2,car,4,5,6\n");
    CHECK(both.sources[1].ids == std::vector{2});
    CHECK(both.table.colours[1] == Rgb{4, 5, 6});
}

TEST_CASE("a number behind blanks is the end of a name, not an id; a header may be one word") {
    const Writer w;
    for (const char* text : {"name\nClass 1\nArea 0\n", "classes\r\n0 Class 1\r\n1 Area 0\r\n",
                             "0: Class 1\n1: Area 0\n", "Class 1\rArea 0\r", "1 2 3 Class 1\n4 5 6 Area 0\n",
                             "\"Class 1\" 1 2 3\n\"Area 0\" 4 5 6\n", "name r g b\nClass 1 1 2 3\nArea 0 4 5 6\n",
                             "1 2 3\tClass 1\n4 5 6\tArea 0\n", "Name,R,G,B\nClass 1,1,2,3\nArea 0,4,5,6\n"}) {
        CAPTURE(text);
        const ClassFile file = w.read(text, "classes.txt");
        CHECK(file.table.names == std::vector<std::string>{"Class 1", "Area 0"});
        for (std::size_t i = 0; i < file.sources.size(); ++i)
            CHECK((i == 2 || file.sources[i].ids == std::vector{static_cast<int>(i)}));
    }
    CHECK(w.read("road\t7\ncar\t3\n").sources[0].ids == std::vector{7});
    CHECK(w.read("Zone 3 north\nZone 4 north\n").table.names[0] == "Zone 3 north");
    CHECK(w.read("Class 1\nClass 2\nClass 3\n").table.names[0] == "Class 1");
    for (const char* text : {"road -> 2\ncar -> 1\nsky -> 0\n", "road - 1\ncar - 0\n", "road (2)\ncar (1)\nsky (0)\n",
                             "road 2\ncar 1\nsky 0\n"}) {
        CAPTURE(text);
        CHECK(mentions(error_of([&] { w.read(text); }), {"are the numbers that names end in", "their ids?"}));
    }
}

TEST_CASE("a class called void is void: no class where it is the last, one of them elsewhere") {
    const Writer w;
    const ClassFile last = w.read("a,1,1,1\nb,2,2,2\nUnlabelled,0,0,0\n");
    CHECK(last.table.count() == 2);
    CHECK(last.table.void_id == 2);
    CHECK(last.table.void_name == "Unlabelled");
    CHECK(last.says_void);
    const ClassFile within = w.read("a,1,1,1\nVoid,0,0,0\nb,2,2,2\n");
    CHECK(within.table.count() == 3);
    CHECK(within.table.void_id == 1);
    CHECK(within.table.void_is_class());
}

TEST_CASE("several names of void are one void, and no class; LabelMe's first line takes no id") {
    const Writer w;
    const ClassFile several = w.read("void\nroad\nunlabelled\n");
    CHECK(several.table.names == std::vector<std::string>{"road"});
    CHECK(several.table.void_id == 1);
    REQUIRE(several.sources.size() == 2);
    CHECK(several.sources[0].ids == std::vector{1});
    CHECK(several.sources[1].ids == std::vector{0, 2});
    const ClassFile coloured = w.read("void,0,0,0\nroad,1,2,3\nignore,9,9,9\n");
    CHECK(coloured.sources[1].colours == std::vector<Rgb>{{9, 9, 9}});
    const ClassFile labelme = w.read("__ignore__\n_background_\nroad\n", "labels.txt");
    CHECK(labelme.table.names == std::vector<std::string>{"_background_", "road"});
    CHECK(labelme.says_void);
    CHECK(labelme.sources[1].ids == std::vector{1});
    CHECK(labelme.sources[2].ids == std::vector{255});
    CHECK(mentions(w.error("void\nunlabelled\n"), {"no classes but void"}));
}

TEST_CASE("a header says what the columns are; one that is not known is refused") {
    const Writer w;
    for (const char* text :
         {"name,b,g,r\nroad,3,2,1\ncar,6,5,4\n", "name,r,g,b,id\nroad,1,2,3,7\ncar,4,5,6,8\n",
          "name,id,r,g,b\nroad,7,1,2,3\ncar,8,4,5,6\n", "name,hex\nroad,#010203\ncar,#040506\n",
          "id,name,hex\n7,road,#010203\n8,car,#040506\n", "id,name,color\n7,road,\"1,2,3\"\n8,car,\"(4, 5, 6)\"\n",
          "Pixel Value, Class, R, G, B\n7, road, 1, 2, 3\n8, car, 4, 5, 6\n", "1,2,3,road,7\n4,5,6,car,8\n",
          "# label:color_rgb:parts:actions\nroad:1,2,3::\ncar:4,5,6::\n", "#010203,road\n#040506,car\n"}) {
        CAPTURE(text);
        const ClassFile file = w.read(text);
        CHECK(file.table.names == std::vector<std::string>{"road", "car"});
        CHECK(file.table.colours == std::vector<Rgb>{{1, 2, 3}, {4, 5, 6}});
        if (!file.sources.empty()) CHECK(file.sources[1].ids == std::vector{8});
        CHECK(file.sources.empty() == (std::string(text).find('7') == std::string::npos));
    }
    for (const char* text : {"category\nroad\n", "title\nroad\n", "Klasse\nroad\n", "class name\nroad\n"})
        CHECK(w.read(text).table.names == std::vector<std::string>{"road"});
    CHECK(mentions(w.error("name,description\nroad,drivable\n"), {"line 1", "column 'description'"}));
    CHECK(mentions(w.error("name,r,g,b,train\nroad,1,2,3,1\n"), {"line 1", "column 'train'"}));
    CHECK(mentions(w.error(",name,r,g,b\n0,road,1,2,3\n"), {"line 1", "(without a name)"}));
    CHECK(mentions(w.error("name,color\nroad,purple\n"), {"line 2", "two names"}));
    CHECK(mentions(w.error("Sorte;Art\nroad;flat\n"), {"line 1", "'Sorte' and 'Art' are two names"}));
    CHECK(mentions(w.error("name,r,g,b\nroad,1,2,3,4\n"), {"line 2", "4 numbers, more than"}));
    CHECK(mentions(w.error("road,1,2,3,4\n"), {"line 1", "which of 1, 2, 3, 4 is the id", "name,r,g,b,id"}));
}

TEST_CASE("numbers beside a name are read or refused, never taken into it") {
    const Writer w;
    for (const char* text : {"rest=2\ncar=1\n", "2: rest\n1: car\n", "2 - rest\n1 - car\n", "rest:2\ncar:1\n"}) {
        CAPTURE(text);
        const ClassFile file = w.read(text);
        CHECK(file.table.names == std::vector<std::string>{"rest", "car"});
        REQUIRE(file.sources.size() >= 2);
        CHECK(file.sources[0].ids == std::vector{2});
    }
    for (const char* text : {"2. rest\n", "(2) rest\n", "2.0,rest\n", "0x02 rest\n", "-1 rest\n", "rest,2.0\n",
                             "0: rest,1,2,3\n", "- rest\n", "70000,rest\n"}) {
        CAPTURE(text);
        CHECK(mentions(w.error(text), {"classes.csv line 1", "is neither a name nor an id", "7,road"}));
    }
    CHECK(mentions(w.error("names: [road, car]\n"), {"line 1", "two names"}));
    CHECK(mentions(w.error("names:\n  0: road\n"), {"line 2", "not written alike"}));
}

TEST_CASE("a class table is found in any case") {
    const Writer w;
    CHECK(find_class_file(w.folder.path()).empty());
    w.read("road\n", "labelmap.txt");
    CHECK(find_class_file(w.folder.path()).filename() == "labelmap.txt");
    w.read("road\n", "Classes.CSV");
    CHECK(find_class_file(w.folder.path()).filename() == "Classes.CSV");
    w.read("road\n", "classes.csv");
    CHECK(
        mentions(error_of([&] { find_class_file(w.folder.path()); }), {"Classes.CSV", "classes.csv", "take one away"}));
}

TEST_CASE("JSON tables may say what is stored for a class") {
    const Writer w;
    const ClassFile file = w.read(R"({"name": "x", "classes": [
        {"name": "road", "colour": [1, 2, 3], "ids": [7, 8], "colours": [[9, 9, 9]]},
        {"name": "rest", "colour": [4, 5, 6], "from": ["sky", "tree"]}],
        "void": {"id": 255, "name": "void", "colour": [0, 0, 0], "ids": [0, 255]}})",
                                  "classes.json");
    CHECK(file.where.ends_with("classes.json"));
    REQUIRE(file.sources.size() == 3);
    CHECK(file.sources[0].ids == std::vector{7, 8});
    CHECK(file.sources[0].colours == std::vector<Rgb>{{9, 9, 9}});
    CHECK(file.sources[1].names == std::vector<std::string>{"sky", "tree"});
    CHECK(file.sources[2].ids == std::vector{0, 255});
    const char* strange = R"({"name": "x", "ignore": [1], "classes": [{"name": "road", "colour": [1, 2, 3]}],
        "void": {"id": 255, "name": "void", "colour": [0, 0, 0]}})";
    CHECK(mentions(error_of([&] { w.read(strange, "classes.json"); }),
                   {"classes.json", "'ignore'", "name, classes, void"}));
}

TEST_CASE("faulty tables are named by file and line") {
    const Writer w;
    CHECK(mentions(w.error("\n# nothing\n"), {"classes.csv", "names no classes"}));
    CHECK(mentions(w.error("name,r,g,b\nroad,1,2\n"), {"classes.csv line 2", "2 numbers"}));
    CHECK(mentions(w.error("road,1,2,300\n"), {"line 1", "300 is no part of a colour"}));
    CHECK(mentions(w.error("road,1,2,3\nroad,1,2,4\n"), {"line 2", "two classes 'road'"}));
    CHECK(mentions(w.error("road,1,2,3\ncar\n"), {"'road' and 'car' are not written alike"}));
    CHECK(mentions(w.error("1 road\n1 car\n"), {"two classes have the id 1"}));
    CHECK(mentions(w.error("1,2,3\n"), {"line 1", "no name"}));
    CHECK(mentions(w.error("caf\xe9,1,2,3\n"), {"line 1", "UTF-8"}));
    std::string many;
    for (int i = 0; i < 300; ++i) many += "c" + std::to_string(i) + "\n";
    CHECK(mentions(w.error(many), {"line 256", "255 classes"}));
    CHECK(mentions(error_of([&] {
                       w.read(R"({"name": "x", "classes": [{"name": "a", "colour": [1, 2, 3], "ids": [-1]}],
                         "void": {"id": 255, "name": "v", "colour": [0, 0, 0]}})",
                              "classes.json");
                   }),
                   {"classes[0].ids holds -1"}));
}

TEST_CASE("what spreadsheets, CVAT and hands write is read as it is meant, or refused") {
    const Writer w;
    const ClassFile parts = w.read("# label:color_rgb:parts:actions\nroad:1,2,3:lane,edge:park,drive\ncar:4,5,6::\n");
    CHECK(parts.table.names == std::vector<std::string>{"road", "car"});
    CHECK(parts.table.colours == std::vector<Rgb>{{1, 2, 3}, {4, 5, 6}});
    for (const char* text : {"2|road\n1|car\n", "class,label\nroad,2\ncar,1\n", "label,name\n2,road\n1,car\n",
                             "name r g b id\nroad 1 2 3 2\ncar 4 5 6 1\n"}) {
        CAPTURE(text);
        const ClassFile file = w.read(text);
        CHECK(file.table.names == std::vector<std::string>{"road", "car"});
        REQUIRE(file.sources.size() >= 2);
        CHECK(file.sources[0].ids == std::vector{2});
    }
    for (const char* text : {"name,color\nroad,804080\n", "road,0x804080\n", "road,(128, 64, 128)\n",
                             "name,color\nroad,[128, 64, 128]\n", "road (128,64,128)\n", "road|128,64,128\n"}) {
        CAPTURE(text);
        const ClassFile file = w.read(text);
        CHECK(file.table.names == std::vector<std::string>{"road"});
        CHECK(file.table.colours[0] == Rgb{128, 64, 128});
    }
    CHECK(w.read("road,#888\n").table.colours[0] == Rgb{136, 136, 136});
    CHECK(w.read("\"the \"\"big\"\" road\",1,2,3\n").table.names[0] == "the \"big\" road");
    CHECK(mentions(w.error("\"road,1,2,3\ncar,4,5,6\n"), {"line 1", "quote"}));
    CHECK(mentions(w.error("road 128 64 128 2\ncar 0 0 142 1\n"), {"line 1", "128", "2 the id", "name,r,g,b,id"}));
    CHECK(mentions(w.error("[classes]\nroad\n"), {"line 1", "[classes]"}));
    CHECK(mentions(w.error("name,r,g\nroad,1,2\n"), {"line 1", "r,g", "no whole colour"}));
}

TEST_CASE("JSON tables may leave colours out; no id is a class's and void's, or two classes'") {
    const Writer w;
    const ClassFile file = w.read(R"({"name": "x", "classes": [{"name": "road"}, {"name": "car", "color": [4, 5, 6]}],
        "void": {"id": 255, "name": "void"}})",
                                  "classes.json");
    CHECK(file.table.colours == std::vector<Rgb>{voc_colour(0), {4, 5, 6}});
    for (const char* ids : {"[1]", "[0, 255]"}) {
        const std::string text = std::string(R"({"name": "x", "classes": [{"name": "road", "colour": [1, 1, 1]},
            {"name": "car", "colour": [2, 2, 2], "ids": [1]}],
            "void": {"id": 255, "name": "void", "colour": [0, 0, 0], "ids": )") +
                                 ids + "}}";
        CHECK(mentions(error_of([&] { w.read(text, "classes.json"); }), {"classes.json", "both", "and void"}));
    }
}
