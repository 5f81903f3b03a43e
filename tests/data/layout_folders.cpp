#include "layout_folders.h"

#include <camber/synth.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "data/known_classes.h"
#include "small_dataset.h"
#include "support/files.h"

namespace camber::testing {
namespace {

namespace fs = std::filesystem;

Scene scene(int i) { return generate_scene(21, static_cast<std::uint64_t>(i), 48, 64); }

void write_to(const fs::path& file, const Image& image) {
    fs::create_directories(file.parent_path());
    write_png(file, image);
}

std::string frame(int i) { return fmt::format("0001TP_{:06}", 6690 + 30 * i); }

std::string class_dict(bool with_windows_lines) {
    const std::string end = with_windows_lines ? "\r\n" : "\n";
    std::string text = "name,r,g,b" + end;
    for (int id = 0; id < 32; ++id)
        text += fmt::format("{},{}{}", camvid32().name_of(id), fmt::join(camvid32().colour_of(id), ","), end);
    return text;
}

struct Part {
    const char* split;
    int first, end;
};
constexpr Part parts[] = {{"train", 0, 4}, {"val", 4, 6}, {"test", 6, 8}};

void write_kaggle(const fs::path& folder) {
    for (const Part& part : parts) {
        for (int i = part.first; i < part.end; ++i) {
            write_to(folder / part.split / (frame(i) + ".png"), scene(i).image);
            write_to(folder / fmt::format("{}_labels", part.split) / (frame(i) + "_L.png"),
                     in_colours(labels_of_32(scene(i).label), camvid32()));
        }
    }
    write_text(folder / "class_dict.csv", class_dict(true));
}

void write_original(const fs::path& folder) {
    for (int i = 0; i < 6; ++i) {
        write_to(folder / "701_StillsRaw_full" / (frame(i) + ".png"), scene(i).image);
        write_to(folder / "LabeledApproved_full" / (frame(i) + "_L.png"),
                 in_colours(labels_of_32(scene(i).label), camvid32()));
    }
    std::string text;
    for (int id = 0; id < 32; ++id)
        text += fmt::format("{}\t\t{}\r\n", fmt::join(camvid32().colour_of(id), " "), camvid32().name_of(id));
    write_text(folder / "label_colors.txt", text);
}

/// With the lists that SegNet's authors published, which name their own files.
void write_original_with_lists(const fs::path& folder) {
    write_original(folder);
    const auto list = [&](const char* split, int first, int end) {
        std::string text;
        for (int i = first; i < end; ++i)
            text += fmt::format("/SegNet/CamVid/{0}/{1}.png /SegNet/CamVid/{0}annot/{1}.png\n", split, frame(i));
        write_text(folder / fmt::format("{}.txt", split), text);
    };
    list("train", 0, 3);
    list("val", 3, 5);
    list("test", 5, 6);
}

void write_fastai_tiny(const fs::path& folder) {
    for (int i = 0; i < 6; ++i) {
        write_to(folder / "images" / (frame(i) + ".png"), scene(i).image);
        write_to(folder / "labels" / (frame(i) + "_P.png"), labels_of_32(scene(i).label));
    }
    std::string text;
    for (const std::string& name : camvid32().names) text += name + "\n";
    write_text(folder / "codes.txt", text);
}

void write_fastai(const fs::path& folder) {
    write_fastai_tiny(folder);
    write_text(folder / "valid.txt", frame(1) + ".png\n" + frame(4) + ".png\n");
}

void write_cityscapes(const fs::path& folder, const std::string& truth, bool trained_ids) {
    constexpr int to_city[] = {10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 18};  // of CamVid's 11
    const char* cities[] = {"aachen", "frankfurt", "berlin"};
    for (std::size_t p = 0; p < 3; ++p) {
        for (int i = parts[p].first; i < parts[p].end; ++i) {
            const std::string stem = fmt::format("{}_{:06}_000019", cities[p], i);
            write_to(folder / "leftImg8bit" / parts[p].split / cities[p] / (stem + "_leftImg8bit.png"), scene(i).image);
            if (p == 2) continue;
            Image ids = scene(i).label;
            for (auto& id : ids.data) {
                const int trained = id < 11 ? to_city[id] : 255;
                id = static_cast<std::uint8_t>(trained_ids      ? trained
                                               : trained == 255 ? 4
                                                                : cityscapes_label_ids[trained]);
            }
            const fs::path labels = folder / truth / parts[p].split / cities[p];
            const std::string base = fmt::format("{}_{}_", stem, truth);
            write_to(labels / (base + (trained_ids ? "labelTrainIds.png" : "labelIds.png")), ids);
            write_to(labels / (base + "color.png"), scene(i).image);
            write_text(labels / (base + "polygons.json"), "{}");
        }
    }
}

void write_voc(const fs::path& folder) {
    const fs::path voc = folder / "VOCdevkit" / "VOC2012";
    for (const char* within :
         {"JPEGImages", "SegmentationClass", "SegmentationObject", "Annotations", "ImageSets/Segmentation"})
        fs::create_directories(voc / within);
    std::array<std::string, 2> lists;
    for (int i = 0; i < 6; ++i) {
        const std::string stem = fmt::format("2007_{:06}", 32 + i);
        write_bytes(voc / "JPEGImages" / (stem + ".jpg"), encode_jpeg(scene(i).image));
        Image ids = scene(i).label;
        for (auto& id : ids.data) id = id == 8 ? 7 : id == 9 ? 15 : id == 11 ? 255 : 0;
        write_palette_png(voc / "SegmentationClass" / (stem + ".png"), ids);
        lists[i < 4 ? 0 : 1] += stem + "\n";
    }
    write_bytes(voc / "JPEGImages" / "2008_000001.jpg", encode_jpeg(scene(9).image));  // for detection alone
    write_text(voc / "ImageSets/Segmentation/train.txt", lists[0]);
    write_text(voc / "ImageSets/Segmentation/val.txt", lists[1]);
    write_text(voc / "ImageSets/Segmentation/trainval.txt", lists[0] + lists[1]);
}

/// Road, car and the rest, in colours or as ids.
Image three_classes(const Image& label) {
    Image ids = label;
    for (auto& id : ids.data) id = id == 3 ? 0 : id == 8 ? 1 : 2;
    return ids;
}

ClassTable three() {
    ClassTable table;
    table.names = {"road", "car", "rest"};
    table.colours = {{128, 64, 128}, {0, 0, 142}, {70, 70, 70}};
    return table;
}

void write_own_colours(const fs::path& folder) {
    for (int i = 0; i < 10; ++i) {
        write_to(folder / "images" / fmt::format("street {}.png", i), scene(i).image);
        write_to(folder / "masks" / fmt::format("street {}_mask.png", i),
                 in_colours(three_classes(scene(i).label), three()));
    }
    write_text(folder / "classes.csv", "name,r,g,b\nroad,128,64,128\ncar,0,0,142\nrest,70,70,70\n");
}

void write_own_without_table(const fs::path& folder) {
    for (const Part& part : parts) {
        for (int i = part.first; i < part.end; ++i) {
            write_to(folder / part.split / "images" / fmt::format("{}.png", i), scene(i).image);
            write_to(folder / part.split / "labels" / fmt::format("{}_labelIds.png", i), three_classes(scene(i).label));
        }
    }
}

void write_own_binary(const fs::path& folder) {
    for (int i = 0; i < 5; ++i) {
        Image mask = scene(i).label;
        for (auto& id : mask.data) id = id == 3 ? 255 : 0;
        write_to(folder / "images" / fmt::format("{}.png", i), scene(i).image);
        write_to(folder / "masks" / fmt::format("{}.png", i), mask);
    }
    write_text(folder / "train.txt", "0.png\n1.png\n2.png\n");
    write_text(folder / "val.txt", "3\n4\n");
}

void write_own_split_folders(const fs::path& folder) {
    for (const Part& part : parts) {
        const std::string split = std::string(part.split) == "val" ? "valid" : part.split;
        for (int i = part.first; i < part.end; ++i) {
            write_to(folder / "images" / split / fmt::format("{}.png", i), scene(i).image);
            write_to(folder / "labels" / split / fmt::format("{}_gt.png", i), three_classes(scene(i).label));
        }
    }
    write_text(folder / "classes.txt", "# ids\n0 road\n1 car\n2 rest\n");
}

void write_own_beside(const fs::path& folder) {
    for (const Part& part : parts) {
        for (int i = part.first; i < part.end; ++i) {
            write_to(folder / part.split / fmt::format("{}.png", i), scene(i).image);
            write_to(folder / fmt::format("{}_masks", part.split) / fmt::format("{}.png", i),
                     three_classes(scene(i).label));
        }
    }
    ClassTable table = three();
    table.name = "three";
    write_text(folder / "classes.json", class_table_json(table));
}

void write_segnet(const fs::path& folder) {
    for (const Part& part : parts) {
        std::string list;
        for (int i = part.first; i < part.end; ++i) {
            const std::string name = frame(i) + ".png";
            write_to(folder / part.split / name, scene(i).image);
            write_to(folder / fmt::format("{}annot", part.split) / name, scene(i).label);
            list += fmt::format("/SegNet/CamVid/{0}/{1} /SegNet/CamVid/{0}annot/{1}\n", part.split, name);
        }
        write_text(folder / fmt::format("{}.txt", part.split), list);
    }
}

}  // namespace

const std::vector<LayoutFolder>& layout_folders() {
    using Names = std::vector<std::string>;
    static const Names three_splits = {"train", "val", "test"}, two = {"train", "val"};
    static const std::vector<LayoutFolder> folders = {
        {"segnet", write_segnet, three_splits, {4, 2, 2}, 11, ""},
        {"kaggle-camvid", write_kaggle, three_splits, {4, 2, 2}, 32, ""},
        {"original-camvid", write_original, two, {5, 1}, 32, ""},
        {"original-camvid", write_original_with_lists, three_splits, {3, 2, 1}, 32, ""},
        {"fastai-camvid", write_fastai, two, {4, 2}, 32, ""},
        {"fastai-camvid", write_fastai_tiny, two, {5, 1}, 32, ""},
        {"cityscapes",
         [](const fs::path& f) { write_cityscapes(f, "gtFine", false); },
         three_splits,
         {4, 2, 2},
         19,
         "test"},
        {"cityscapes",
         [](const fs::path& f) { write_cityscapes(f, "gtCoarse", true); },
         three_splits,
         {4, 2, 2},
         19,
         "test"},
        {"voc", write_voc, {"train", "val", "trainval"}, {4, 2, 6}, 21, ""},
        {"folders", write_own_colours, two, {8, 2}, 3, ""},
        {"folders", write_own_without_table, three_splits, {4, 2, 2}, 3, ""},
        {"folders", write_own_binary, two, {3, 2}, 2, ""},
        {"folders", write_own_split_folders, three_splits, {4, 2, 2}, 3, ""},
        {"folders", write_own_beside, three_splits, {4, 2, 2}, 3, ""},
    };
    return folders;
}

Image labels_of_32(const Image& labels_of_11) {
    constexpr const char* names[] = {"Sky",        "Building", "Column_Pole", "Road",       "Sidewalk",  "Tree",
                                     "SignSymbol", "Fence",    "Car",         "Pedestrian", "Bicyclist", "Void"};
    const std::vector<std::string>& all = camvid32().names;
    Image label = labels_of_11;
    for (auto& id : label.data)
        id = static_cast<std::uint8_t>(std::find(all.begin(), all.end(), names[id]) - all.begin());
    return label;
}

Image in_colours(const Image& label, const ClassTable& classes) {
    Image colours(label.height, label.width, 3);
    for (std::size_t i = 0; i < label.data.size(); ++i)
        std::copy_n(classes.colour_of(label.data[i]).data(), 3, &colours.data[3 * i]);
    return colours;
}

void write_palette_png(const fs::path& file, const Image& ids, const Rgb& first) {
    using Bytes = std::vector<unsigned char>;
    Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    const auto number = [](Bytes& to, std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<unsigned char>(value >> shift));
    };
    const auto chunk = [&](const char* type, const Bytes& data) {
        number(out, static_cast<std::uint32_t>(data.size()));
        const std::size_t begin = out.size();
        out.insert(out.end(), type, type + 4);
        out.insert(out.end(), data.begin(), data.end());
        std::uint32_t crc = 0xFFFFFFFFu;
        for (std::size_t i = begin; i < out.size(); ++i) {
            crc ^= out[i];
            for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
        number(out, ~crc);
    };
    Bytes header, palette, rows = {0x78, 0x01};
    number(header, static_cast<std::uint32_t>(ids.width));
    number(header, static_cast<std::uint32_t>(ids.height));
    header.insert(header.end(), {8, 3, 0, 0, 0});
    for (int id = 0; id < 256; ++id)
        for (const std::uint8_t value : id == 0 ? first : voc_colour(id)) palette.push_back(value);
    // A stored block a row, each with its filter byte.
    std::uint32_t a = 1, b = 0;
    for (int y = 0; y < ids.height; ++y) {
        const auto length = static_cast<unsigned>(ids.width + 1);
        rows.push_back(y + 1 == ids.height);
        for (const unsigned value : {length & 255, length >> 8, ~length & 255, ~length >> 8 & 255})
            rows.push_back(static_cast<unsigned char>(value));
        for (int x = -1; x < ids.width; ++x) {
            const std::uint8_t value = x < 0 ? 0 : *ids.at(y, x);
            rows.push_back(value);
            a = (a + value) % 65521;
            b = (b + a) % 65521;
        }
    }
    number(rows, b << 16 | a);
    chunk("IHDR", header);
    chunk("PLTE", palette);
    chunk("IDAT", rows);
    chunk("IEND", {});
    write_bytes(file, out);
}

}  // namespace camber::testing
