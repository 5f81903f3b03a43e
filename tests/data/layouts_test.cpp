#include <camber/data_folder.h>
#include <camber/synth.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "data/convert.h"
#include "data/known_classes.h"
#include "layout_folders.h"
#include "small_dataset.h"
#include "support/command.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

CommandResult command(const std::vector<std::string>& arguments) {
    CommandResult result = run_camber(arguments);
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    return result;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every layout is recognised, with its splits and classes") {
    for (std::size_t i = 0; i < layout_folders().size(); ++i) {
        const LayoutFolder& layout = layout_folders()[i];
        CAPTURE(i);
        CAPTURE(layout.layout);
        const TemporaryFolder folder;
        layout.write(folder.path());
        const DataFolder data = DataFolder::open(folder.path());
        CHECK(data.layout() == layout.layout);
        CHECK_FALSE(data.why().empty());
        CHECK(data.splits() == layout.splits);
        CHECK(data.classes().count() == layout.classes);
        std::set<std::string> names;
        for (std::size_t s = 0; s < layout.splits.size(); ++s) {
            const std::string& split = layout.splits[s];
            CAPTURE(split);
            CHECK(data.samples(split).size() == layout.frames[s]);
            if (split == layout.unlabelled) {
                CHECK(mentions(error_of([&] { data.dataset(split); }), {split.c_str(), "can be predicted"}));
                continue;
            }
            const Dataset dataset = data.dataset(split);
            CHECK(dataset.size() == layout.frames[s]);
            for (std::size_t f = 0; f < dataset.size(); ++f) {
                CHECK(dataset.sample(f)->image.height == 48);
                if (split != "trainval") CHECK(names.insert(dataset.name(f)).second);
            }
        }
    }
}

TEST_CASE("of every layout a network trains for an epoch, is judged and predicts, with no option but the folder") {
    for (std::size_t i = 0; i < layout_folders().size(); ++i) {
        const LayoutFolder& layout = layout_folders()[i];
        CAPTURE(i);
        CAPTURE(layout.layout);
        const TemporaryFolder folder;
        const std::string data = (folder / "data").string(), run = (folder / "run").string(),
                          out = (folder / "out").string(), best = run + "/best.safetensors";
        layout.write(data);
        const CommandResult info = command({"data", "info", data});
        CHECK(says(info.output, std::string(": ") + layout.layout + " ("));
        command({"train", "--data", data, "--out", run, "--width", "4", "--depth", "1", "--size", "32x48", "--batch",
                 "2", "--epochs", "1", "--pictures", "1"});
        command({"eval", "--checkpoint", best});
        command({"eval", "--checkpoint", best, "--data", data, "--split", "val"});
        const std::string split = layout.unlabelled.empty() ? "val" : layout.unlabelled;
        command({"predict", "--checkpoint", best, "--out", out, "--split", split, data});
        std::size_t predicted = 0;
        for (const auto& entry : fs::recursive_directory_iterator(out))
            predicted += entry.path().string().ends_with("_labels.png");
        const auto position = std::find(layout.splits.begin(), layout.splits.end(), split) - layout.splits.begin();
        CHECK(predicted == layout.frames[static_cast<std::size_t>(position)]);
    }
}

TEST_CASE("labels mean the same whatever the layout stores") {
    const TemporaryFolder folder;
    std::set<std::string> tried;
    for (const LayoutFolder& layout : layout_folders()) {
        if (layout.classes != 32) continue;
        const fs::path root = folder / std::to_string(tried.size());
        tried.insert(root.string());
        layout.write(root);
        const Dataset dataset = Dataset::open(root, "train");
        for (std::size_t f = 0; f < dataset.size(); ++f) {
            const int number = (std::stoi(dataset.name(f).substr(7)) - 6690) / 30;
            const Image truth = generate_scene(21, static_cast<std::uint64_t>(number), 48, 64).label;
            CHECK(dataset.label(f) == labels_of_32(truth));
            // And the published mapping leads back to SegNet's 11.
            FolderOptions options;
            options.classes = "camvid11";
            const DataFolder eleven = DataFolder::open(root, options);
            CHECK(eleven.classes().names == camvid11().names);
            CHECK(eleven.dataset("train").label(f) == truth);
        }
    }
    CHECK(tried.size() == 5);
}

TEST_CASE("CamVid's 32 classes, and the 11 that they become") {
    const ClassTable& all = camvid32();
    CHECK(all.count() == 32);
    CHECK(std::set<Rgb>(all.colours.begin(), all.colours.end()).size() == 32);
    CHECK(all.name_of(all.void_id) == "Void");
    CHECK(all.void_is_class());
    CHECK(std::is_sorted(all.names.begin(), all.names.end(), [](const std::string& a, const std::string& b) {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                            [](char x, char y) { return std::tolower(x) < std::tolower(y); });
    }));
    std::vector<int> members(12);
    for (const int id : camvid11_of_32()) ++members[static_cast<std::size_t>(id)];
    CHECK(members == std::vector<int>{1, 5, 2, 3, 3, 2, 3, 1, 5, 4, 2, 1});
    CHECK(parse_class_table(class_table_json(all), "table").void_id == 30);
}

TEST_CASE("Cityscapes' ids are its 19 classes, VOC's are the indices") {
    const TemporaryFolder folder;
    for (const LayoutFolder& layout : layout_folders()) {
        const std::string name = layout.layout;
        if (name != "cityscapes" && name != "voc") continue;
        const fs::path root = folder / name;
        fs::remove_all(root);
        layout.write(root);
        const DataFolder data = DataFolder::open(root);
        const Image truth = generate_scene(21, 0, 48, 64).label, label = data.dataset("train").label(0);
        for (std::size_t i = 0; i < truth.data.size(); ++i) {
            const std::string& read = data.classes().name_of(label.data[i]);
            if (truth.data[i] == 8) CHECK(read == "car");
            if (truth.data[i] == 9) CHECK(read == "person");
            if (truth.data[i] == 11) CHECK(label.data[i] == 255);
            if (truth.data[i] == 3) CHECK(read == (name == "voc" ? "background" : "road"));
        }
    }
}

TEST_CASE("an archive's own folder is looked into, another layout can be asked for") {
    const TemporaryFolder folder;
    const LayoutFolder& kaggle = layout_folders()[1];
    kaggle.write(folder / "set/archive/CamVid");
    const DataFolder data = DataFolder::open(folder / "set");
    CHECK(data.folder() == folder / "set/archive/CamVid");
    CHECK(mentions(data.why(), {"archive/CamVid", "class_dict.csv"}));
    FolderOptions options;
    options.layout = "folders";  // class_dict.csv is a table for anyone
    CHECK(DataFolder::open(folder / "set/archive/CamVid", options).classes().count() == 32);
    options.layout = "voc";
    CHECK(mentions(error_of([&] { DataFolder::open(folder / "set", options); }),
                   {"not of the layout voc", "JPEGImages"}));
    options.layout = "vok";
    CHECK(mentions(error_of([&] { DataFolder::open(folder / "set", options); }), {"no layout 'vok'", "kaggle-camvid"}));
    fs::create_directories(folder / "other");
    CHECK(mentions(error_of([&] { DataFolder::open(folder / "other"); }), {"no splits found", "images/"}));
}

TEST_CASE("a dataset is found beside whatever else, a few folders deep; of several none is taken") {
    const TemporaryFolder folder;
    const LayoutFolder& kaggle = layout_folders()[1];
    kaggle.write(folder / "mac/CamVid");
    for (const char* beside :
         {"mac/__MACOSX/CamVid/train", "mac/__MACOSX/CamVid/train_labels", "mac/docs", "mac/runs/1"})
        fs::create_directories(folder / beside);
    CHECK(DataFolder::open(folder / "mac").folder() == folder / "mac/CamVid");
    kaggle.write(folder / "deep/a/b/c/d");
    CHECK(DataFolder::open(folder / "deep").layout() == "kaggle-camvid");
    kaggle.write(folder / "mac/Other");
    CHECK(mentions(error_of([&] { DataFolder::open(folder / "mac"); }),
                   {"holds 2 datasets", "mac/CamVid (kaggle-camvid) and ", "mac/Other", "give the folder of one"}));

    // As archives are unpacked by name.
    for (const LayoutFolder& layout : layout_folders()) {
        if (std::string(layout.layout) != "cityscapes" || fs::exists(folder / "city")) continue;
        layout.write(folder / "city");
        for (const std::string name : {"leftImg8bit", "gtFine"}) {
            fs::create_directories(folder / "city" / (name + "_trainvaltest"));
            fs::rename(folder / "city" / name, folder / "city" / (name + "_trainvaltest") / name);
        }
        const DataFolder city = DataFolder::open(folder / "city");
        CHECK(city.splits() == std::vector<std::string>{"train", "val", "test"});
        CHECK(city.dataset("train").size() == 4);
        CHECK(city.dataset("val").size() == 2);
    }
}

namespace {

/// Writes pictures, or label maps, of the given names.
struct Writer {
    TemporaryFolder folder;

    void pictures(std::initializer_list<std::string> names) const {
        for (const std::string& name : names) write(name, patterned_image(8, 8, static_cast<int>(name.size())));
    }
    void labels(std::initializer_list<std::string> names) const {
        for (const std::string& name : names) write(name, patterned_label(8, 8, static_cast<int>(name.size())));
    }
    /// images/N.png and masks/N.png.
    void pairs(int count) const {
        for (int i = 0; i < count; ++i) {
            pictures({fmt::format("images/{}.png", i)});
            labels({fmt::format("masks/{}.png", i)});
        }
    }
    void write(const std::string& name, const Image& image) const {
        fs::create_directories((folder / name).parent_path());
        write_png(folder / name, image);
    }
    DataFolder open() const { return DataFolder::open(folder.path()); }
    /// "train 3, val 1": of each split its frames that have label maps.
    std::string splits() const {
        const DataFolder data = open();
        std::string text;
        for (const std::string& split : data.splits())
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", split, data.dataset(split).size());
        return text;
    }
};

}  // namespace

TEST_CASE("a label map is of one picture, in whichever splits they are; lists that are not read are named") {
    const Writer w;
    w.pictures({"images/train/0.png", "images/train/1.png", "images/val/0.png", "images/val/2.png"});
    w.labels({"masks/0.png", "masks/1.png", "masks/2.png"});
    w.pictures({"images/test/1b.png"});
    w.labels({"masks/1b.png"});
    const DataFolder shared = DataFolder::open(w.folder.path());
    CHECK(shared.dataset("test").size() == 1);  // which has no part in it
    for (const char* split : {"train", "val"})
        CHECK(mentions(error_of([&] { shared.dataset(split); }), {"0.png: is the label map of two pictures"}));

    const Writer lists;
    lists.pictures({"images/train/0.png", "images/train/1.png", "images/val/2.png"});
    lists.labels({"masks/train/0.png", "masks/train/1.png", "masks/val/2.png"});
    write_text(lists.folder / "train.txt", "0\n");
    const std::vector<std::string> notes = DataFolder::open(lists.folder.path()).notes();
    CHECK(std::any_of(notes.begin(), notes.end(),
                      [](const std::string& note) { return note.starts_with("warning: train.txt is not read"); }));
}

TEST_CASE("splits are known with a year behind their names, in lists of other names, kinds and places") {
    for (const char* kind : {"2017", "_set", " images"}) {
        const Writer w;
        const std::string train = std::string("train") + kind, val = std::string("val") + kind;
        w.pictures({"images/" + train + "/a.png", "images/" + train + "/b.png", "images/" + val + "/c.png"});
        w.labels(
            {"annotations/" + train + "/a.png", "annotations/" + train + "/b.png", "annotations/" + val + "/c.png"});
        CHECK(w.splits() == "train 2, val 1");
    }
    struct Lists {
        std::string train, val, header;
    };
    for (const Lists& lists : {Lists{"train.csv", "val.csv", "image,mask\n"},
                               {"train.csv", "val.csv", "name\n"},
                               {"splits/train.txt", "splits/val.txt", ""},
                               {"train_list.txt", "val_list.txt", ""}}) {
        CAPTURE(lists.train);
        const Writer w;
        w.pairs(5);
        fs::create_directories(w.folder / "splits");
        const bool both = lists.header.starts_with("image");
        write_text(w.folder / lists.train, lists.header + (both ? "images/0.png,masks/0.png\n" : "0\n"));
        write_text(w.folder / lists.val, lists.header + (both ? "images/1.png,masks/1.png\n" : "1\n"));
        CHECK(w.splits() == "train 1, val 1");
        // The plain name is the list where both are there.
        write_text(w.folder / "train.txt", "0\n2\n3\n");
        CHECK(w.splits() == "train 3, val 1");
    }
    const Writer voc;
    voc.pictures({"JPEGImages/a.png", "JPEGImages/b.png", "JPEGImages/c.png"});
    voc.labels({"SegmentationClass/a.png", "SegmentationClass/b.png", "SegmentationClass/c.png"});
    fs::create_directories(voc.folder / "ImageSets/Segmentation");
    for (const auto& [name, text] : {std::pair("train", "a\n"), {"trainaug", "a\nc\n"}, {"val", "b\n"}})
        write_text(voc.folder / fmt::format("ImageSets/Segmentation/{}.txt", name), text);
    CHECK(voc.splits() == "train 1, val 1, trainaug 2");
}

TEST_CASE("pictures and label maps pair in any case, with a word before them, and beside one another") {
    const auto pair = [](const char* image, const char* label) {
        const Writer w;
        w.pictures({image});
        w.labels({label});
        return w.splits() == "train 1";
    };
    CHECK(pair("images/IMG_1.png", "labels/img_1.png"));
    CHECK(pair("images/f0.png", "masks/f0_MASK.png"));
    CHECK(pair("images/f0.png", "masks/f0_Gt.png"));
    CHECK(pair("images/image_1.png", "masks/mask_1.png"));
    CHECK(pair("images/1.png", "masks/label-1.png"));
    CHECK(pair("img_dir/train/1.png", "ann_dir/train/1.png"));
    CHECK(pair("images/train/1.png", "masks/1.png"));
    CHECK(pair("train_images/1.png", "train_masks/1.png"));
    CHECK(pair("train/a.rf.01.png", "train/a.rf.01_mask.png"));
    CHECK(pair("train/images/a.png", "train/images/a_mask.png"));
    CHECK(pair("images/a.png", "images/a_mask.png"));
    // The exact name is the frame's where there are both; of two that differ alike, neither.
    const Writer w;
    w.pictures({"images/a.png", "images/A.png", "images/B.png"});
    w.labels({"masks/a.png", "masks/A.png", "masks/b_mask.png"});
    const std::vector<SamplePaths> samples = w.open().samples("train");
    CHECK(w.open().labels_without_image().empty());
    for (const char* name : {"b_mask", "b_Mask"}) w.labels({fmt::format("masks/{}.png", name)});
    CHECK(mentions(error_of([&] { w.splits(); }), {"images/B.png: has no label map"}));

    const Writer roboflow;
    roboflow.pictures({"train/a.png", "train/b.png", "valid/c.png"});
    roboflow.labels({"train/a_mask.png", "train/b_mask.png", "valid/c_mask.png"});
    for (const char* split : {"train", "valid"})
        write_text(roboflow.folder / split / "_classes.csv",
                   "Pixel Value, Class\n0, road\n1, car\n2, sky\n3, tree\n"
                   "4, fence\n5, wall\n6, pole\n7, sign\n8, bus\n9, van\n"
                   "10, cat\n11, dog\n");
    CHECK(roboflow.splits() == "train 2, val 1");
    CHECK(roboflow.open().classes().name_of(1) == "car");
    CHECK(roboflow.open().labels_without_image().empty());
}

TEST_CASE("where nothing pairs or no layout fits, the error says what is there") {
    const auto error = [](const Writer& w) { return error_of([&] { w.open(); }); };
    {
        const Writer w;
        w.pictures({"images/a.png"});
        w.labels({"masks/b.png"});
        CHECK(
            mentions(error(w), {"no frame has a label map; ", "images/a.png and ", "masks/b.png do not pair", "name"}));
    }
    {
        const Writer w;
        w.pictures({"train/a.png"});
        fs::create_directories(w.folder / "train_masks");
        for (const char* name : {"a_mask.gif", "b_mask.gif"}) write_text(w.folder / "train_masks" / name, "GIF89a");
        CHECK(mentions(error(w), {"no frame has a label map; ", "train_masks: 2 .gif files not read", "PNG"}));
    }
    {
        const Writer w;
        w.pictures({"photos/a.png", "x.png"});
        w.labels({"truth/a.png"});
        CHECK(mentions(error(w), {"no splits found: it holds photos/, truth/, 1 picture; expected images/"}));
    }
    {
        const Writer w;
        w.pairs(2);
        w.labels({"labels/0.png"});
        CHECK(mentions(error(w), {"/masks and ", "/labels both hold label maps"}));
    }
}

TEST_CASE("details of Cityscapes and of a user's folders") {
    const TemporaryFolder folder;
    for (const LayoutFolder& layout : layout_folders())
        if (std::string(layout.layout) == "cityscapes" && !fs::exists(folder / "c")) layout.write(folder / "c");
    // The extra frames have coarse labels, beside the fine ones of the others.
    const fs::path extra = folder / "c/leftImg8bit/train_extra/bonn", coarse = folder / "c/gtCoarse/train_extra/bonn";
    fs::create_directories(extra);
    fs::create_directories(coarse);
    const Scene scene = generate_scene(1, 1, 48, 64);
    write_png(extra / "bonn_1_2_leftImg8bit.png", scene.image);
    write_png(coarse / "bonn_1_2_gtCoarse_labelIds.png", Image(48, 64, 1));
    const DataFolder data = DataFolder::open(folder / "c");
    CHECK(data.splits() == std::vector<std::string>{"train", "val", "test", "train_extra"});
    CHECK(data.dataset("train_extra").label(0).data[0] == 255);
    CHECK(data.dataset("train").size() == 4);

    fs::create_directories(folder / "own/Images/a");
    fs::create_directories(folder / "own/Masks/a");
    write_png(folder / "own/Images/a/x.png", scene.image);
    write_png(folder / "own/Masks/a/x_mask.png", scene.label);
    for (const char* split : {"Train", "Validation"}) {
        for (const char* kind : {"Images", "Masks"}) fs::create_directories(folder / "cases" / split / kind);
        write_png(folder / "cases" / split / "Images/x.png", scene.image);
        write_png(folder / "cases" / split / "Masks/x.png", scene.label);
    }
    CHECK(DataFolder::open(folder / "cases").splits() == std::vector<std::string>{"train", "val"});
    const DataFolder own = DataFolder::open(folder / "own");
    CHECK(own.layout() == "folders");
    CHECK(own.splits() == std::vector<std::string>{"train"});  // one frame cannot be divided
    CHECK(own.dataset("train").size() == 1);
}

TEST_CASE("lists and folders of splits are known in any case; two of one split are refused by name") {
    const TemporaryFolder folder;
    const auto picture = [&](const std::string& name, bool grey) {
        fs::create_directories((folder / name).parent_path());
        write_png(folder / name, grey ? Image(6, 8, 1) : patterned_image(6, 8, name.back()));
    };
    const auto pairs = [&](const std::string& images, const std::string& labels, std::initializer_list<char> names) {
        for (const char name : names)
            for (const bool grey : {false, true}) picture((grey ? labels : images) + "/" + name + ".png", grey);
    };
    const auto opened = [&](const char* name) { return DataFolder::open(folder / name); };
    using Names = std::vector<std::string>;

    pairs("own/images", "own/masks", {'a', 'b', 'c'});
    write_text(folder / "own/Train.txt", "a\nb\n");
    write_text(folder / "own/VAL.TXT", "c\n");
    CHECK(opened("own").layout() == "folders");
    CHECK(opened("own").splits() == Names{"train", "val"});
    CHECK(opened("own").samples("train").size() == 2);
    CHECK(opened("own").samples("val").size() == 1);
    write_text(folder / "own/validation.txt", "b\n");
    CHECK(mentions(error_of([&] { opened("own"); }), {"own/VAL.TXT and ", "own/validation.txt", "split 'val'"}));

    pairs("segnet/Train", "segnet/Trainannot", {'a', 'b'});
    pairs("segnet/valid", "segnet/validannot", {'c'});
    write_text(folder / "segnet/Train.txt", "Train/a.png Trainannot/a.png\n");
    CHECK(opened("segnet").layout() == "segnet");
    CHECK(opened("segnet").splits() == Names{"train", "val"});
    CHECK(opened("segnet").samples("train").size() == 1);
    CHECK(opened("segnet").samples("val").size() == 1);
    write_text(folder / "segnet/Training.txt", "a\n");
    CHECK(mentions(error_of([&] { opened("segnet"); }), {"Train.txt and ", "Training.txt", "split 'train'"}));

    pairs("voc/JPEGImages", "voc/SegmentationClass", {'a', 'b'});
    fs::create_directories(folder / "voc/ImageSets/Segmentation");
    write_text(folder / "voc/ImageSets/Segmentation/Train.txt", "a\n");
    write_text(folder / "voc/ImageSets/Segmentation/Val.txt", "b\n");
    CHECK(opened("voc").splits() == Names{"train", "val"});
    CHECK(opened("voc").samples("val").size() == 1);

    for (const char* split : {"train", "val", "validation"})
        pairs(std::string("two/") + split + "/images", std::string("two/") + split + "/masks", {'a'});
    CHECK(mentions(error_of([&] { opened("two"); }), {"two/val/images and ", "two/validation/images", "split 'val'"}));
    CHECK(run_camber({"data", "info", (folder / "two").string()}).exit_code == 1);
    for (const char* split : {"train", "val", "valid"})
        pairs(std::string("within/images/") + split, std::string("within/masks/") + split, {'a'});
    CHECK(mentions(error_of([&] { opened("within"); }), {"images/val and ", "images/valid", "split 'val'"}));
    for (const char* split : {"train", "val", "Val"})
        pairs(std::string("annot/") + split, std::string("annot/") + split + "annot", {'a'});
    CHECK(mentions(error_of([&] { opened("annot"); }), {"annot/Val and ", "annot/val", "split 'val'"}));
}

TEST_CASE("--val-fraction beside a split for validation is said, or refused, to have no effect") {
    const TemporaryFolder folder;
    write_small_dataset(folder.path(), 2);
    const std::string data = folder.path().string();
    const char* said = "--val-fraction has no effect: the dataset has a split for validation";
    CHECK(says(command({"data", "info", data, "--val-fraction", "0.3"}).output, said));
    CHECK_FALSE(says(command({"data", "info", data}).output, "no effect"));
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{"preview"}, std::vector<std::string>{"convert"}}) {
        std::vector<std::string> arguments = {"data",           more[0], data, "--out", (folder / "out.png").string(),
                                              "--val-fraction", "0.3"};
        const CommandResult result = run_camber(arguments);
        CHECK(result.exit_code == 2);
        CHECK(says(result.errors, said));
    }
    FolderOptions options;
    options.val_fraction = 0.3;
    CHECK(DataFolder::look(data, options).splits() == std::vector<std::string>{"train", "val"});
}

TEST_CASE("a seeded split is the same for the same names") {
    const TemporaryFolder folder;
    for (int i = 0; i < 20; ++i) {
        fs::create_directories(folder / "images");
        fs::create_directories(folder / "masks");
        write_png(folder / "images" / ("f" + std::to_string(i) + ".png"), patterned_image(8, 8, i));
        write_png(folder / "masks" / ("f" + std::to_string(i) + ".png"), patterned_label(8, 8, i));
    }
    const auto names = [&](double fraction, const std::string& split) {
        FolderOptions options;
        options.val_fraction = fraction;
        std::vector<std::string> list;
        for (const SamplePaths& sample : DataFolder::open(folder.path(), options).samples(split))
            list.push_back(sample.image.stem().string());
        return list;
    };
    CHECK(names(0, "val").size() == 4);
    CHECK(names(0, "train").size() == 16);
    CHECK(names(0.5, "val").size() == 10);
    CHECK(names(0.001, "val").size() == 1);
    const std::vector<std::string> before = names(0, "val");
    CHECK(before == names(0, "val"));
    // A larger part holds the smaller one, and another folder changes nothing.
    const std::vector<std::string> larger = names(0.5, "val");
    for (const std::string& name : before) CHECK(std::find(larger.begin(), larger.end(), name) != larger.end());
    CHECK(mentions(DataFolder::open(folder.path()).notes().front(), {"20% of the 20", "--val-fraction"}));
}

TEST_CASE("lists of other machines and hands") {
    const TemporaryFolder folder;
    write_small_dataset(folder.path(), 3);
    fs::copy(folder / "train/001.png", folder / "train/a 1.png");
    fs::copy(folder / "trainannot/001.png", folder / "trainannot/a 1.png");
    fs::copy(folder / "train/002.png", folder / "train/b,2.Png");
    fs::copy(folder / "trainannot/002.png", folder / "trainannot/b,2.png");
    const auto names = [&](const std::string& list) {
        write_text(folder / "train.txt", list);
        std::string found;
        const Dataset dataset = Dataset::open(folder.path(), "train");
        for (std::size_t i = 0; i < dataset.size(); ++i) {
            found += dataset.name(i) + ";";
            const int salt = dataset.name(i) == "000"                               ? 0
                             : dataset.name(i) == "001" || dataset.name(i) == "a 1" ? 1
                                                                                    : 2;
            CHECK(dataset.label(i) == patterned_label(12, 16, salt));
        }
        return found;
    };
    CHECK(names("train\\000.png trainannot\\000.png\n") == "000;");
    CHECK(names("C:\\data\\CamVid\\train\\000.png C:\\data\\CamVid\\trainannot\\000.png\r\n") == "000;");
    CHECK(names("\xef\xbb\xbf# frames\n\n  train/000.png,trainannot/000.png\n") == "000;");
    CHECK(names("image,label\n001.png,001.png\n002,002\n") == "001;002;");
    CHECK(names("\"train/a 1.png\" \"trainannot/a 1.png\"\n'train/a 1.png' 'trainannot/a 1.png'\n") == "a 1;a 1;");
    CHECK(names("train/a 1.png\ttrainannot/a 1.png\n") == "a 1;");
    CHECK(names("train/a 1.png trainannot/a 1.png\n") == "a 1;");
    CHECK(names("a 1.png\n000\n") == "a 1;000;");
    CHECK(names("train/b,2.png trainannot/b,2.png\n") == "b,2;");
    CHECK(names("000\n001.jpg\n") == "000;001;");
    CHECK(names("train/000.png trainannot/000.png\rtrain/001.png trainannot/001.png\r") == "000;001;");
    CHECK(names("C:\\J D\\train\\000.png C:\\J D\\trainannot\\000.png\n/J D/train/001.png\n") == "000;001;");
    CHECK(names("./train/000.png ./trainannot/000.png\n./001.png\n") == "000;001;");
    CHECK(names("train/../train/000.png\n") == "000;");
    CHECK(names((folder / "train/000.png").string() + "\n") == "000;");
    // Names of another machine too: one of two that are found by their ends is never the frame.
    for (const char* mark : {";", "|", ","})
        for (const char* of : {"", "/else/where/", "C:\\d\\"}) {
            const std::string line = fmt::format("{0}train/000.png{1}{0}trainannot/000.png\n", of, mark);
            CAPTURE(line);
            CHECK(names(line) == "000;");
        }
    const auto error = [&](const std::string& list) { return error_of([&] { names(list); }); };
    CHECK(mentions(error(std::string("\xff\xfe", 2) + std::string("t\0", 2)), {"train.txt", "UTF-16"}));
    CHECK(mentions(error("nothing\n"), {"train.txt line 1", "nothing is not there"}));
    CHECK(mentions(error("train/000.png\n/else/where/009.png\n"), {"line 2", "009.png is not there"}));
    // What leaves open which label is the frame's.
    for (const char* line :
         {"train/000.png trainannot/000.png train/001.png trainannot/001.png", "train/000.png junk trainannot/001.png",
          "train/000.png 0.5/trainannot/001.png", "train/000.png\tjunk trainannot/001.png", "junk train/000.png",
          "0.5/train/000.png trainannot/001.png", "train/000.png trainannot/000.png,train/001.png trainannot/001.png",
          "train/000.png trainannot/000.png train/000.png trainannot/000.png", "train/000.png x y trainannot/000.png",
          "train/000.png trainannot/000.png 1"}) {
        CAPTURE(line);
        CHECK(mentions(error(std::string(line) + "\n"), {"train.txt line 1: "}));
    }
    CHECK(mentions(error("train/000.png trainannot/000.png # first\n"), {"line 1", "comment", "line of its own"}));
}

TEST_CASE("lists name files below a folder that is itself given from elsewhere, or by another of its names") {
    const TemporaryFolder folder;
    for (const char* within : {"images", "masks"}) fs::create_directories(folder / within);
    for (int i = 0; i < 3; ++i) {
        write_png(folder / fmt::format("images/{}.png", i), patterned_image(8, 8, i));
        write_png(folder / fmt::format("masks/{}.png", i), patterned_label(8, 8, i));
    }
    // `find ./images`; names alone of the validation frames leave the others for training.
    write_text(folder / "val.txt", "./images/0.png\n" + (folder / "images/1.png").string() + "\n");
    for (const fs::path& place :
         {folder.path(), folder / "images/..", folder.path().lexically_relative(fs::current_path())}) {
        CAPTURE(place);
        const DataFolder data = DataFolder::open(place);
        CHECK(data.dataset("train").size() == 1);
        CHECK(data.dataset("val").size() == 2);
    }
}

TEST_CASE("classes of one's own in VOC's layout, as CVAT and labelme2voc export them") {
    const TemporaryFolder folder;
    for (const char* within : {"JPEGImages", "SegmentationClass"}) fs::create_directories(folder / within);
    Image ids(8, 8, 1);
    ids.data[0] = 1;
    ids.data[1] = 2;
    ClassTable colours;
    colours.names = {"background", "road", "car"};
    colours.colours = {{0, 0, 0}, {128, 0, 0}, {250, 50, 83}};
    for (int i = 0; i < 2; ++i) {
        write_png(folder / fmt::format("JPEGImages/{}.png", i), patterned_image(8, 8, i));
        write_png(folder / fmt::format("SegmentationClass/{}.png", i), ids);
    }
    CHECK(DataFolder::open(folder.path()).classes().names == voc21().names);
    write_text(folder / "class_names.txt", "_background_\nroad\ncar");
    CHECK(DataFolder::open(folder.path()).classes().names == std::vector<std::string>{"_background_", "road", "car"});
    fs::remove(folder / "class_names.txt");
    write_text(folder / "labelmap.txt",
               "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:128,0,0::\n"
               "car:250,50,83::\n");
    for (int i = 0; i < 2; ++i)
        write_png(folder / fmt::format("SegmentationClass/{}.png", i), in_colours(ids, colours));
    const DataFolder cvat = DataFolder::open(folder.path());
    CHECK(cvat.classes().names == colours.names);
    CHECK(cvat.classes().colours == colours.colours);
    CHECK(cvat.read_label(folder / "SegmentationClass/1.png") == ids);
}

TEST_CASE("what is converted can be read, whatever its files are called") {
    const TemporaryFolder folder;
    for (const char* within : {"images", "masks"}) fs::create_directories(folder / "from" / within);
    const std::vector<std::string> names = {"a b", "a \"b", "a \"b's", "a\tb\"", "a\\b", "a\nb",
                                            "a;b", "a|b",   "'a' b",   " a",     "#a"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        write_png(folder / "from/images" / (names[i] + ".png"), patterned_image(8, 8, static_cast<int>(i)));
        write_png(folder / "from/masks" / (names[i] + ".png"), patterned_label(8, 8, static_cast<int>(i)));
    }
    FolderOptions options;
    options.val_fraction = 0.1;
    const DataFolder from = DataFolder::open(folder / "from", options);
    write_plain_dataset(drawn(from), folder / "to");
    const DataFolder to = DataFolder::open(folder / "to");
    for (const std::string& split : from.splits()) {
        const Dataset a = from.dataset(split), b = to.dataset(split);
        REQUIRE(a.size() == b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
            CHECK(a.label(i) == b.label(i));
            CHECK(a.sample(i)->image == b.sample(i)->image);
        }
    }
}

TEST_CASE("converting any layout gives the same ids in the plain one") {
    for (const LayoutFolder& layout : layout_folders()) {
        CAPTURE(layout.layout);
        const TemporaryFolder folder;
        layout.write(folder / "from");
        const DataFolder from = DataFolder::open(folder / "from");
        write_plain_dataset(drawn(from), folder / "to");
        const DataFolder to = DataFolder::open(folder / "to");
        CHECK(to.layout() == "segnet");
        CHECK(to.classes().names == from.classes().names);
        CHECK(to.classes().void_id == from.classes().void_id);
        for (const std::string& split : from.splits()) {
            if (split == layout.unlabelled) continue;
            const Dataset a = from.dataset(split), b = to.dataset(split);
            REQUIRE(a.size() == b.size());
            for (std::size_t i = 0; i < a.size(); ++i) {
                CHECK(a.name(i) == b.name(i));
                CHECK(a.label(i) == b.label(i));
                CHECK(a.sample(i)->image == b.sample(i)->image);
            }
        }
    }
}

TEST_CASE("the presets that were published on CamVid's 32 classes train on the data they were published on") {
    struct Published {
        const char *preset, *layout, *encoder, *width;
    };
    const fs::path nets = fs::path(CAMBER_TEST_FIXTURES) / "nets";
    for (const Published& p : {Published{"segmentation-models-resnet34", "kaggle-camvid", "keras-resnet34.h5", "1"},
                               Published{"segmentation-models-vgg16", "kaggle-camvid", "keras-vgg16.weights.h5", "1"},
                               Published{"fastai-camvid", "fastai-camvid", "resnet34.pth", "2"}}) {
        CAPTURE(p.preset);
        const TemporaryFolder folder;
        const std::string data = (folder / "data").string(), run = (folder / "run").string();
        for (const LayoutFolder& layout : layout_folders()) {
            if (std::string(layout.layout) != p.layout) continue;
            layout.write(data);
            break;
        }
        if (fs::path(p.encoder).extension() == ".h5" && !has_hdf5()) continue;
        const CommandResult trained = command({"train",
                                               "--preset",
                                               p.preset,
                                               "--encoder-weights",
                                               (nets / p.encoder).string(),
                                               "--width",
                                               p.width,
                                               "--data",
                                               data,
                                               "--out",
                                               run,
                                               "--size",
                                               "64x64",
                                               "--batch",
                                               "2",
                                               "--epochs",
                                               "1",
                                               "--pictures",
                                               "0",
                                               "--epoch-batches",
                                               "1"});
        CHECK(says(trained.output, std::string("is of the layout ") + p.layout));
        const CommandResult judged = command({"eval", "--json", "--checkpoint", run + "/best.safetensors"});
        const nlohmann::json metrics = nlohmann::json::parse(judged.output);
        CHECK(metrics.at("classes").size() == 32);
        CHECK(metrics.at("classes").at(30).at("name") == "Void");
        // Judged as the other classes by segmentation_models, by fastai not.
        CHECK((metrics.at("classes").at(30).at("pixels") > 0) ==
              std::string(p.preset).starts_with("segmentation-models"));
        CHECK(metrics.at("iou_score") > 0);
    }
}

TEST_CASE("class tables within splits' folders are read, and refused where they differ") {
    const TemporaryFolder folder;
    for (const char* split : {"train", "val"})
        for (const char* kind : {"images", "masks"}) {
            fs::create_directories(folder / split / kind);
            write_png(folder / split / kind / "a.png", Image(2, 4, kind[0] == 'i' ? 3 : 1));
        }
    write_text(folder / "train/classes.csv", "id,name\n0,bg\n1,car\n");
    write_text(folder / "val/masks/labelmap.txt", "id,name\n0,bg\n1,car\n");
    CHECK(DataFolder::open(folder.path()).classes().names == std::vector<std::string>{"bg", "car"});
    write_text(folder / "val/masks/labelmap.txt", "id,name\n0,car\n1,bg\n");
    CHECK(mentions(error_of([&] { DataFolder::open(folder.path()); }),
                   {"train/classes.csv and ", "val/masks/labelmap.txt", "different classes"}));
}

TEST_CASE("lists may begin with whatever their columns are called") {
    const TemporaryFolder folder;
    for (const char* kind : {"images", "masks"}) {
        fs::create_directories(folder / kind);
        for (const char* name : {"a.png", "b.png"})
            write_png(folder / kind / name, Image(2, 4, kind[0] == 'i' ? 3 : 1));
    }
    for (const char* text :
         {"image_id\na\nb\n", "path\nimages/a.png\nimages/b.png\n", "Image,Label\na.png,a.png\nb.png,b.png\n",
          "image_path,label_path\nimages/a.png,masks/a.png\nimages/b.png,masks/b.png\n",
          ",image,mask\n0,a.png,a.png\n1,b.png,b.png\n",
          "mask,image\nmasks/a.png,images/a.png\nmasks/b.png,images/b.png\n"}) {
        CAPTURE(text);
        write_text(folder / "train.csv", text);
        const auto samples = DataFolder::open(folder.path()).samples("train");
        REQUIRE(samples.size() == 2);
        CHECK(samples[1].image == folder / "images/b.png");
        CHECK(samples[1].label == folder / "masks/b.png");
    }
    write_text(folder / "train.csv", "image\na\nb\na\na\n");
    write_text(folder / "split.csv", "a,train\n");
    const std::string notes = fmt::format("{}", fmt::join(DataFolder::open(folder.path()).notes(), "\n"));
    CHECK(mentions(notes, {"train.csv line 4: a.png is named again, 2 such lines", "not read: split.csv"}));
}
