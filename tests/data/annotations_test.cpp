#include "data/annotations/annotations.h"

#include <camber/synth.h>
#include <doctest/doctest.h>

#include "data/preview.h"
#include "small_dataset.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

/// Pictures a.png and b.png of 6x8 beside an export.
struct Exported {
    TemporaryFolder folder;

    Exported() {
        for (const char* name : {"a.png", "b.png"}) write_png(folder / name, patterned_image(6, 8, name[0]));
    }
    DrawnDataset read(const std::string& name) const { return read_annotations(folder / name, {}, 0); }
    Image label(const std::string& name, const std::string& picture) const {
        for (const DrawnDataset::Split& split : read(name).splits)
            for (const DrawnDataset::Frame& frame : split.frames)
                if (frame.image.filename() == picture) return frame.label();
        return {};
    }
    std::string error(const std::string& name, const std::string& text) const {
        write_text(folder / name, text);
        return error_of([&] { label(name, "a.png"); });
    }
};

/// Rows of digits, ids.
std::string rows(const Image& label) {
    std::string text;
    for (int y = 0; y < label.height; ++y) {
        for (int x = 0; x < label.width; ++x)
            text += *label.at(y, x) == 255 ? 'v' : static_cast<char>('0' + *label.at(y, x));
        text += y + 1 < label.height ? "/" : "";
    }
    return text;
}

constexpr const char* picture_a =
    "00000000/"
    "01111000/"
    "01221000/"
    "01221000/"
    "00000000/"
    "00000000";

}  // namespace

TEST_CASE("COCO's polygons and run lengths, the smaller over the larger") {
    const Exported e;
    const auto with = [](const std::string& small) {
        return R"({"images": [{"id": 4, "file_name": "a.png", "height": 6, "width": 8},
                              {"id": 5, "file_name": "b.png"}],
            "categories": [{"id": 10, "name": "box"}, {"id": 20, "name": "hole"}],
            "annotations": [
              {"image_id": 4, "category_id": 20, "segmentation": )" +
               small + R"(},
              {"image_id": 4, "category_id": 10, "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]]},
              {"image_id": 5, "category_id": 10, "iscrowd": 1, "segmentation": {"counts": [0, 6, 42], "size": [6, 8]}}
            ]})";
    };
    // Rows 2 and 3 of columns 2 and 3: 14 outside, 2 inside, 4 outside, 2 inside; the text is pycocotools' of the same.
    for (const char* small : {"[[2, 2, 4, 2, 4, 4, 2, 4]]", R"({"counts": [14, 2, 4, 2, 26], "size": [6, 8]})",
                              R"({"counts": ">240f0", "size": [6, 8]})"}) {
        CAPTURE(small);
        write_text(e.folder / "c.json", with(small));
        CHECK(e.read("c.json").classes.names == std::vector<std::string>{"background", "box", "hole"});
        CHECK(rows(e.label("c.json", "a.png")) == picture_a);
        CHECK(rows(e.label("c.json", "b.png")).substr(0, 8) == "v0000000");
    }
    CHECK(mentions(e.error("c.json", with("[[1, 2, 3]]")), {"c.json: annotations[0]", "x, y"}));
    CHECK(mentions(e.error("c.json", with(R"({"counts": [40, 20]})")),
                   {"c.json: annotations[0]", "run lengths are of 60 pixels", "its picture of 48 (8x6"}));
    // Short ones are damaged too: no tool writes them.
    for (const char* part : {R"({"counts": [14, 2, 4, 2], "size": [6, 8]})", R"({"counts": [14, 2, 4, 2]})",
                             R"({"counts": ">24", "size": [6, 8]})"})
        CHECK(mentions(e.error("c.json", with(part)), {"c.json: annotations[0]", "run lengths are of", "of 48"}));
    CHECK(mentions(e.error("c.json", R"({"images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "x"}], "annotations": [{"image_id": 1, "category_id": 1,
        "segmentation": {"counts": [0, 4]}}]})"),
                   {"c.json", "run lengths of 4 pixels", "of 48"}));
    CHECK(mentions(e.error("c.json", with(R"({"counts": "o"})")), {"annotations[0]", "run lengths are damaged"}));
    for (const char* nothing : {"[]", R"([], "bbox": [1, 1, 4, 3])", R"({"counts": []})"})
        CHECK(mentions(e.error("c.json", with(nothing)), {"c.json: annotations[0]", "no 'segmentation'", "draw it"}));
    CHECK(mentions(e.error("c.json", with("[[1, 1, 5, 5]]")), {"c.json: annotations[0]", "three points"}));
    CHECK(mentions(e.error("c.json", with(R"({"counts": [14, 2, 4, 2, 26], "size": [8, 6]})")),
                   {"c.json: annotations[0]", "run lengths of 6x8", "its picture is 8x6"}));
    CHECK(mentions(e.error("c.json", with(R"({"counts": [14, 2], "size": [6, -8]})")),
                   {"annotations[0]", "'size' must be [height, width]"}));
    // Of a picture whose size the export does not say, the run lengths do.
    CHECK(mentions(e.error("c.json", R"({"images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "x"}], "annotations": [{"image_id": 1, "category_id": 1,
        "segmentation": {"counts": [0, 40], "size": [5, 8]}}]})"),
                   {"a.png: is 8x6", "8x5"}));
    CHECK(mentions(e.error("c.json", R"({"images": [], "annotations": [],
                                         "categories": [{"id": 3, "name": "car"}, {"id": 3, "name": "van"}]})"),
                   {"c.json: categories[1]", "two categories with its id"}));
    CHECK(mentions(e.error("c.json", R"({"images": [], "annotations": []})"), {"c.json: 'categories' is missing"}));
    CHECK(mentions(e.error("c.json", R"({"images": [{"id": 1, "file_name": "c.png"}], "annotations": [],
                                         "categories": []})"),
                   {"the picture c.png is not in", "--images"}));
    CHECK(mentions(e.error("c.json", R"({"images": [{"id": 1, "file_name": "a.png", "height": 7, "width": 8}],
                                         "annotations": [], "categories": []})"),
                   {"a.png: is 8x6", "8x7"}));
}

TEST_CASE("LabelMe's files, one a picture") {
    const Exported e;
    const auto file = [](const std::string& picture, const std::string& shapes) {
        return R"({"imagePath": ")" + picture + R"(", "imageHeight": 6, "imageWidth": 8, "shapes": [)" + shapes + "]}";
    };
    write_text(e.folder / "a.json",
               file("..\\\\photos\\\\a.png", R"({"label": "box", "points": [[1, 1], [5, 1], [5, 4], [1, 4]]},
                     {"label": "hole", "shape_type": "rectangle", "points": [[2, 2], [4, 4]]})"));
    write_text(e.folder / "b.json", file("b.png", R"({"label": "__ignore__", "shape_type": "circle",
                                                      "points": [[4, 3], [4, 6]]})"));
    CHECK(is_annotations(e.folder.path()));
    const DrawnDataset data = read_annotations(e.folder.path(), {}, 0.5);
    CHECK(data.classes.names == std::vector<std::string>{"background", "box", "hole"});
    REQUIRE(data.splits.size() == 2);
    CHECK(rows(e.label("", "a.png")) == picture_a);
    CHECK(rows(e.label("", "b.png")) == "00vvvv00/0vvvvvv0/0vvvvvv0/0vvvvvv0/0vvvvvv0/00vvvv00");
    CHECK(mentions(e.error("a.json", file("a.png", R"({"label": "x", "shape_type": "line", "points": []})")),
                   {"a.json: shapes[0]", "line", "no inside"}));
    const std::string mask =
        e.error("a.json", file("a.png", R"({"label": "x", "shape_type": "mask", "points": [[1, 1], [5, 5]]})"));
    CHECK(mentions(mask, {"a.json: shapes[0]: is a mask, which is not read", "draw polygons"}));
    CHECK(mentions(e.error("a.json", file("a.png", R"({"label": "x", "points": [[1, 1], [5, 5]]})")),
                   {"a.json: shapes[0]", "three points or more, not 2"}));
    CHECK(mentions(e.error("a.json", "{\"shapes\": 3}"), {"a.json", "'shapes' must be a list"}));
}

TEST_CASE("CVAT's images, by z order") {
    const Exported e;
    write_text(e.folder / "c.xml", R"(<?xml version="1.0" encoding="utf-8"?>
<!-- <image name="no.png"> -->
<annotations><version>1.1</version>
  <image id="0" name="a.png" width="8" height="6">
    <box label="hole" xtl="2" ytl="2" xbr="4" ybr="4" z_order="1"></box>
    <polygon label="a &amp; b" source="manual" points="1,1;5,1;5,4;1,4" z_order="0"/>
  </image>
  <image id="1" name="b.png" width="8" height="6"/>
</annotations>)");
    CHECK(e.read("c.xml").classes.names == std::vector<std::string>{"background", "hole", "a & b"});
    std::string expected = picture_a;
    for (char& c : expected) c = c == '1' ? '2' : c == '2' ? '1' : c;
    CHECK(rows(e.label("c.xml", "a.png")) == expected);
    const auto image = [](const std::string& shapes) {
        return "<image name=\"a.png\" width=\"8\" height=\"6\">\n" + shapes + "</image>";
    };
    const auto drawn = [&](const std::string& shape) {
        write_text(e.folder / "d.xml", image(shape));
        return rows(e.label("d.xml", "a.png"));
    };
    // A square of side 4 on its corner is |x - 4| + |y - 3| < 2.83.
    CHECK(drawn(R"(<box label="x" xtl="2" ytl="1" xbr="6" ybr="5" rotation="45"/>)") ==
          "00000000/00011000/00111100/00111100/00011000/00000000");
    const std::string flat = "00000000/00000000/01111110/01111110/00000000/00000000";
    CHECK(drawn(R"(<ellipse label="x" cx="4" cy="3" rx="3.2" ry="1"/>)") == flat);
    CHECK(drawn(R"(<ellipse label="x" cx="4" cy="3" rx="1" ry="3.2" rotation="90.00"/>)") == flat);
    // Clockwise: the right end goes down.
    CHECK(
        drawn(R"(<box label="x" xtl="1" ytl="2" xbr="7" ybr="4" rotation="30"><attribute name="a">1</attribute></box>)")
            .substr(9, 8) == "01100000");
    CHECK(drawn(R"(<mask label="x" rle="1, 3, 1, 1" left="5" top="2" width="3" height="2"/><tag label="y"/>)") ==
          "00000000/00000000/00000011/00000101/00000000/00000000");
    const auto refused = [&](const std::string& shape) { return e.error("d.xml", image(shape)); };
    CHECK(mentions(refused(R"(<mask label="x" rle="1, 3" left="5" top="2" width="3" height="2"/>)"),
                   {"d.xml line 2", "rle of <mask> is of 4 pixels", "of 6"}));
    CHECK(mentions(refused(R"(<mask label="x" rle="1,-3" left="5" top="2" width="3" height="2"/>)"),
                   {"d.xml line 2", "rle of <mask> must be", "'-3'"}));
    CHECK(mentions(refused(R"(<mask label="x" rle="0, 6" left="6" top="2" width="3" height="2"/>)"),
                   {"d.xml", "beyond its picture's edges"}));
    for (const std::string name : {"polyline", "points", "skeleton", "cuboid"}) {
        CHECK(mentions(refused("<" + name + " label=\"x\" points=\"1,1;5,5;1,5\"/>"),
                       {"d.xml line 2", ("is a " + name).c_str(), "no inside"}));
    }
    CHECK(
        mentions(refused(R"(<polygon label="x" points="1,1;5,5"/>)"), {"d.xml line 2", "three points or more, not 2"}));
    CHECK(mentions(e.error("c.xml", "<a></a>"), {"c.xml", "no <image>"}));
    CHECK(mentions(
        e.error("c.xml", "\n<image name=\"a.png\" width=\"8\" height=\"6\">\n<polygon label=\"x\" points=\"1;2\">"),
        {"c.xml line 3", "'1' is no point"}));
    CHECK(mentions(e.error("c.xml", "<image name=\"a.png"), {"c.xml line 1", "no XML"}));
}

TEST_CASE("names of pictures as Windows has them, and folders that hold another tool's file") {
    const Exported e;
    for (const char* name : {"a.png", R"(C:\\x\\a.png)", R"(..\\x\\a)", "/home/x/a.jpg"}) {
        CAPTURE(name);
        write_text(e.folder / "c.json", R"({"images": [{"id": 1, "file_name": ")" + std::string(name) +
                                            R"("}], "categories": [], "annotations": []})");
        CHECK(e.label("c.json", "a.png").width == 8);
    }
    REQUIRE(is_annotations(e.folder.path()));
    CHECK(mentions(error_of([&] { e.read(""); }), {"c.json: is COCO's", "give this file"}));
    fs::remove(e.folder / "c.json");
    write_text(e.folder / "a.xml", "<annotation></annotation>");  // Pascal VOC's
    CHECK(!is_annotations(e.folder.path()));
    write_text(e.folder / "c.xml", "<?xml version=\"1.0\"?>\n<annotations></annotations>");
    REQUIRE(is_annotations(e.folder.path()));
    CHECK(mentions(error_of([&] { e.read(""); }), {"CVAT", "give the file", "c.xml"}));
}

TEST_CASE("a preview shows pictures, labels, both and a legend") {
    std::vector<PreviewRow> shown;
    for (std::uint64_t i = 0; i < 2; ++i) {
        const Scene scene = generate_scene(1, i, 60, 80);
        shown.push_back({"train: a", scene.image, scene.label});
    }
    const Image sheet = preview_sheet(shown, camvid11(), 80);
    CHECK(sheet.width == 4 + 3 * 84);
    const auto has = [&](Rgb colour) {
        for (std::size_t i = 0; i < sheet.data.size(); i += 3)
            if (std::equal(colour.begin(), colour.end(), &sheet.data[i])) return true;
        return false;
    };
    for (int id = 0; id <= 11; ++id) CHECK(has(camvid11().colour_of(id)));
    // A row's labels stand beside its picture, in their colours.
    CHECK(std::equal(shown[0].image.at(10, 0), shown[0].image.at(10, 0) + 240, sheet.at(4 + 20 + 10, 4)));
    const Rgb first = camvid11().colour_of(*shown[0].label.at(10, 5));
    CHECK(std::equal(first.begin(), first.end(), sheet.at(4 + 20 + 10, 4 + 84 + 5)));
    Image text(16, 20, 3);
    draw_text(text, 0, 0, "!", {9, 8, 7}, 1);
    CHECK(*text.at(0, 2) == 9);
    CHECK(*text.at(4, 2) == 9);
    CHECK(*text.at(5, 2) == 0);
    CHECK(*text.at(6, 2) == 9);
    draw_text(text, 10, 15, "outside \xff", {1, 1, 1});
}

TEST_CASE(
    "exports that name a picture twice, in shares of it or by another's name are refused; blank ones are counted") {
    const Exported e;
    const auto coco = [&](const std::string& images, const std::string& polygon) {
        return e.error("c.json", R"({"categories": [{"id": 1, "name": "box"}], "images": [)" + images +
                                     R"(], "annotations": [{"image_id": 0, "category_id": 1, "segmentation": [[)" +
                                     polygon + "]]}]}");
    };
    const std::string a = R"({"id": 0, "file_name": "a.png"})";
    CHECK(mentions(coco(a + R"(, {"id": 1, "file_name": "a.png"})", "1,1,3,1,3,3"), {"c.json", "a.png twice"}));
    CHECK(mentions(coco(a, "0.1,0.1,0.5,0.1,0.5,0.5"), {"c.json", "a.png", "from 0 to 1", "pixels"}));
    CHECK(coco(a, "1,1,3,1,3,3").empty());
    CHECK(e.read("c.json").left_out == std::vector<std::string>{"1 picture beside them that is not named"});
    CHECK(coco(a + R"(, {"id": 1, "file_name": "b.png"})", "1,1,3,1,3,3").empty());
    REQUIRE(e.read("c.json").notes.size() == 1);
    CHECK(mentions(e.read("c.json").notes[0], {"warning: ", "1 of 2 pictures", "background", "b.png"}));

    fs::create_directories(e.folder / "lm");
    const auto labelme = [&](const std::string& picture) {
        write_text(e.folder / "lm/b.json", R"({"imagePath": ")" + picture + R"(", "shapes": []})");
    };
    for (const char* name : {"a.png", "b.png"}) fs::copy_file(e.folder / name, e.folder / "lm" / name);
    labelme("a.png");
    CHECK(mentions(error_of([&] { e.read("lm"); }), {"b.json", "imagePath is a.png", "b.png lies beside it"}));
    labelme("gone.png");
    const DrawnDataset taken = e.read("lm");
    CHECK(taken.splits[0].frames[0].image.filename() == "b.png");
    CHECK(mentions(taken.notes[0], {"b.json", "gone.png", "b.png"}));
}

TEST_CASE("CVAT's classes are its labels, drawn or not, in their order and colours") {
    const Exported e;
    write_text(e.folder / "c.xml", R"(<annotations><meta><task><name>street</name><labels>
  <label><name>car</name><color>#00008e</color><attributes><attribute><name>parked</name></attribute></attributes>
  </label>
  <label><name>road</name><color>#804080</color><attributes></attributes></label></labels></task></meta>
  <image id="0" name="a.png" width="8" height="6"><box label="road" xtl="2" ytl="2" xbr="4" ybr="4"/></image>
</annotations>)");
    const ClassTable classes = e.read("c.xml").classes;
    CHECK(classes.names == std::vector<std::string>{"background", "car", "road"});
    CHECK(classes.colours[1] == Rgb{0, 0, 142});
    CHECK(classes.colours[2] == Rgb{128, 64, 128});
}
