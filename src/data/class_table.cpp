#include <camber/data.h>
#include <camber/error.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace camber {
namespace {

Rgb parse_colour(const nlohmann::json& json) {
    Rgb colour{};
    for (std::size_t i = 0; i < 3; ++i) {
        const int value = json.at(i).get<int>();
        if (value < 0 || value > 255) fail("colour value {} is not in 0..255", value);
        colour[i] = static_cast<std::uint8_t>(value);
    }
    return colour;
}

/// The colours of PASCAL VOC: the bits of the class id, three at a time, from the highest bit of each channel down.
Rgb voc_colour(int id) {
    Rgb colour{};
    for (int bit = 7; id > 0; id >>= 3, --bit) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            colour[channel] = static_cast<std::uint8_t>(colour[channel] | ((id >> channel) & 1) << bit);
        }
    }
    return colour;
}

}  // namespace

const std::string& ClassTable::name_of(int id) const {
    static const std::string unknown = "?";
    if (id == void_id) return void_name;
    return id >= 0 && id < count() ? names[static_cast<std::size_t>(id)] : unknown;
}

Rgb ClassTable::colour_of(int id) const {
    if (id == void_id) return void_colour;
    return id >= 0 && id < count() ? colours[static_cast<std::size_t>(id)] : Rgb{255, 255, 255};
}

const ClassTable& camvid11() {
    // Order and colours of SegNet-Tutorial's Scripts/test_segmentation_camvid.py.
    static const ClassTable table = {
        .name = "camvid11",
        .names = {"Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian",
                  "Bicyclist"},
        .colours = {{128, 128, 128},
                    {128, 0, 0},
                    {192, 192, 128},
                    {128, 64, 128},
                    {60, 40, 222},
                    {128, 128, 0},
                    {192, 128, 128},
                    {64, 64, 128},
                    {64, 0, 128},
                    {64, 64, 0},
                    {0, 128, 192}},
        .void_id = 11,
        .void_name = "Unlabelled",
        .void_colour = {0, 0, 0},
    };
    return table;
}

ClassTable numbered_classes(int count) {
    ClassTable table;
    table.name = fmt::format("{} classes", count);
    for (int id = 0; id < count; ++id) {
        table.names.push_back(fmt::format("class{}", id));
        table.colours.push_back(voc_colour(id));
    }
    return table;
}

const ClassTable& class_table(const std::string& name) {
    if (name == camvid11().name) return camvid11();
    fail_usage("unknown class table '{}'; known: {}", name, camvid11().name);
}

ClassTable read_class_table(const std::filesystem::path& file) {
    std::ifstream stream(file);
    if (!stream) fail("{}: cannot be opened", file.string());
    return parse_class_table({std::istreambuf_iterator<char>(stream), {}}, file.string());
}

ClassTable parse_class_table(const std::string& text, const std::string& source) {
    ClassTable table;
    try {
        const auto json = nlohmann::json::parse(text);
        table.name = json.at("name").get<std::string>();
        for (const auto& entry : json.at("classes")) {
            table.names.push_back(entry.at("name").get<std::string>());
            table.colours.push_back(parse_colour(entry.at("colour")));
        }
        const auto& unlabelled = json.at("void");
        table.void_id = unlabelled.at("id").get<int>();
        table.void_name = unlabelled.at("name").get<std::string>();
        table.void_colour = parse_colour(unlabelled.at("colour"));
    } catch (const std::exception& error) {
        fail("{}: is not a class table: {}", source, error.what());
    }
    if (table.names.empty() || table.count() > 255) {
        fail("{}: {} classes; ids are u8, so a table has 1 to 255", source, table.count());
    }
    if (table.void_id < table.count() || table.void_id > 255) {
        fail("{}: void id {} must be in {}..255, past the class ids", source, table.void_id, table.count());
    }
    return table;
}

std::string class_table_json(const ClassTable& table) {
    // Written by hand for a class a line; nlohmann's dump would put every number on a line of its own.
    const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };
    const auto colour = [](Rgb c) { return fmt::format("[{}, {}, {}]", c[0], c[1], c[2]); };
    std::string text = fmt::format("{{\n  \"name\": {},\n  \"classes\": [\n", quoted(table.name));
    for (int id = 0; id < table.count(); ++id) {
        text += fmt::format("    {{\"name\": {}, \"colour\": {}}}{}\n", quoted(table.name_of(id)),
                            colour(table.colour_of(id)), id + 1 < table.count() ? "," : "");
    }
    text += fmt::format("  ],\n  \"void\": {{\"id\": {}, \"name\": {}, \"colour\": {}}}\n}}\n", table.void_id,
                        quoted(table.void_name), colour(table.void_colour));
    return text;
}

}  // namespace camber
