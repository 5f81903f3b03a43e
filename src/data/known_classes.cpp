#include "data/known_classes.h"

#include <algorithm>

namespace camber {

Rgb voc_colour(int id) {
    Rgb colour{};
    for (int bit = 7; id > 0; id >>= 3, --bit) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            colour[channel] = static_cast<std::uint8_t>(colour[channel] | ((id >> channel) & 1) << bit);
        }
    }
    return colour;
}

namespace {

struct NamedColour {
    const char* name;
    Rgb colour;
    const char* camvid11 = "";  ///< of CamVid's 32: what it is among the 11
};

// label_colors.txt of the original release.
constexpr NamedColour camvid[] = {
    {"Animal", {64, 128, 64}, "Pedestrian"},
    {"Archway", {192, 0, 128}, "Building"},
    {"Bicyclist", {0, 128, 192}, "Bicyclist"},
    {"Bridge", {0, 128, 64}, "Building"},
    {"Building", {128, 0, 0}, "Building"},
    {"Car", {64, 0, 128}, "Car"},
    {"CartLuggagePram", {64, 0, 192}, "Pedestrian"},
    {"Child", {192, 128, 64}, "Pedestrian"},
    {"Column_Pole", {192, 192, 128}, "Pole"},
    {"Fence", {64, 64, 128}, "Fence"},
    {"LaneMkgsDriv", {128, 0, 192}, "Road"},
    {"LaneMkgsNonDriv", {192, 0, 64}, "Road"},
    {"Misc_Text", {128, 128, 64}, "SignSymbol"},
    {"MotorcycleScooter", {192, 0, 192}, "Bicyclist"},
    {"OtherMoving", {128, 64, 64}, "Car"},
    {"ParkingBlock", {64, 192, 128}, "Pavement"},
    {"Pedestrian", {64, 64, 0}, "Pedestrian"},
    {"Road", {128, 64, 128}, "Road"},
    {"RoadShoulder", {128, 128, 192}, "Pavement"},
    {"Sidewalk", {0, 0, 192}, "Pavement"},
    {"SignSymbol", {192, 128, 128}, "SignSymbol"},
    {"Sky", {128, 128, 128}, "Sky"},
    {"SUVPickupTruck", {64, 128, 192}, "Car"},
    {"TrafficCone", {0, 0, 64}, "Pole"},
    {"TrafficLight", {0, 64, 64}, "SignSymbol"},
    {"Train", {192, 64, 128}, "Car"},
    {"Tree", {128, 128, 0}, "Tree"},
    {"Truck_Bus", {192, 128, 192}, "Car"},
    {"Tunnel", {64, 0, 64}, "Building"},
    {"VegetationMisc", {192, 192, 0}, "Tree"},
    {"Void", {0, 0, 0}},
    {"Wall", {64, 192, 0}, "Building"},
};
constexpr int camvid_void = 30;

// Order and colours of SegNet-Tutorial's Scripts/test_segmentation_camvid.py.
constexpr NamedColour segnet[] = {
    {"Sky", {128, 128, 128}},    {"Building", {128, 0, 0}},   {"Pole", {192, 192, 128}},       {"Road", {128, 64, 128}},
    {"Pavement", {60, 40, 222}}, {"Tree", {128, 128, 0}},     {"SignSymbol", {192, 128, 128}}, {"Fence", {64, 64, 128}},
    {"Car", {64, 0, 128}},       {"Pedestrian", {64, 64, 0}}, {"Bicyclist", {0, 128, 192}},
};

constexpr NamedColour cityscapes[] = {
    {"road", {128, 64, 128}},
    {"sidewalk", {244, 35, 232}},
    {"building", {70, 70, 70}},
    {"wall", {102, 102, 156}},
    {"fence", {190, 153, 153}},
    {"pole", {153, 153, 153}},
    {"traffic light", {250, 170, 30}},
    {"traffic sign", {220, 220, 0}},
    {"vegetation", {107, 142, 35}},
    {"terrain", {152, 251, 152}},
    {"sky", {70, 130, 180}},
    {"person", {220, 20, 60}},
    {"rider", {255, 0, 0}},
    {"car", {0, 0, 142}},
    {"truck", {0, 0, 70}},
    {"bus", {0, 60, 100}},
    {"train", {0, 80, 100}},
    {"motorcycle", {0, 0, 230}},
    {"bicycle", {119, 11, 32}},
};

constexpr const char* voc[] = {"background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
                               "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
                               "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

template <std::size_t n>
ClassTable table_of(const char* name, const NamedColour (&classes)[n], int void_id, const char* void_name) {
    ClassTable table;
    table.name = name;
    for (const NamedColour& entry : classes) {
        table.names.emplace_back(entry.name);
        table.colours.push_back(entry.colour);
    }
    table.void_id = void_id;
    table.void_name = void_name;
    return table;
}

}  // namespace

const int cityscapes_label_ids[19] = {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33};

const ClassTable& camvid11() {
    static const ClassTable table = table_of("camvid11", segnet, 11, "Unlabelled");
    return table;
}

const ClassTable& camvid32() {
    static const ClassTable table = table_of("camvid32", camvid, camvid_void, "Void");
    return table;
}

const ClassTable& cityscapes19() {
    static const ClassTable table = table_of("cityscapes", cityscapes, 255, "void");
    return table;
}

const ClassTable& voc21() {
    static const ClassTable table = [] {
        ClassTable made;
        made.name = "voc";
        for (const char* name : voc) {
            made.colours.push_back(voc_colour(made.count()));
            made.names.emplace_back(name);
        }
        made.void_name = "void";
        made.void_colour = {224, 224, 192};
        return made;
    }();
    return table;
}

std::vector<std::string> known_class_tables() { return {"camvid11", "camvid32", "cityscapes", "voc"}; }

const ClassTable* known_classes(const std::string& name) {
    for (const ClassTable* table : {&camvid11(), &camvid32(), &cityscapes19(), &voc21()})
        if (table->name == name) return table;
    return nullptr;
}

std::vector<int> camvid11_of_32() {
    const ClassTable& to = camvid11();
    std::vector<int> mapping;
    for (const NamedColour& entry : camvid) {
        const auto found = std::find(to.names.begin(), to.names.end(), entry.camvid11);
        mapping.push_back(found == to.names.end() ? to.void_id : static_cast<int>(found - to.names.begin()));
    }
    return mapping;
}

}  // namespace camber
