#include <camber/class_table.h>
#include <camber/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/known_classes.h"
#include "io/printable.h"
#include "io/text_file.h"

namespace camber {
namespace {

using nlohmann::json;

/// A value of a table's JSON and what messages call it: "classes.json: classes[2].colour".
struct Entry {
    const json& value;
    std::string what;

    [[noreturn]] void refuse(const char* rule) const { fail("{} must be {}, not {}", what, rule, shown(value)); }
    Entry at(const char* key) const {
        if (!value.is_object()) refuse("a JSON object");
        if (!value.contains(key)) {
            const bool is_table = !what.ends_with(']') && !what.ends_with(": void");
            fail("{}: {} '{}' is missing", what, is_table ? "the table's" : "its", key);
        }
        return {value[key], fmt::format("{}{}{}", what, what.ends_with(']') ? "." : ": ", key)};
    }
    Entry at(std::size_t index) const { return {value[index], fmt::format("{}[{}]", what, index)}; }
    std::string text() const {
        if (!value.is_string()) refuse("text");
        return value.get<std::string>();
    }
    int integer(int low, int high, const char* rule) const {
        if (!value.is_number_integer() || value.get<double>() < low || value.get<double>() > high) refuse(rule);
        return value.get<int>();
    }
    Rgb colour() const {
        constexpr const char* rule = "three whole numbers from 0 to 255";
        if (!value.is_array() || value.size() != 3) refuse(rule);
        Rgb colour{};
        for (std::size_t i = 0; i < 3; ++i) colour[i] = static_cast<std::uint8_t>(at(i).integer(0, 255, rule));
        return colour;
    }
};

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

ClassTable numbered_classes(int count) {
    ClassTable table;
    table.name = fmt::format("{} classes", count);
    for (int id = 0; id < count; ++id) {
        table.names.push_back(fmt::format("class{}", id));
        table.colours.push_back(voc_colour(id));
    }
    return table;
}

ClassTable read_class_table(const std::filesystem::path& file) {
    constexpr std::uint64_t most_bytes = 1 << 20;
    return parse_class_table(read_text(file, most_bytes), file.string());
}

ClassTable parse_class_table(const std::string& text, const std::string& source) {
    const json parsed = parse_json(text, source, "a class table");
    const Entry whole{parsed, source}, classes = whole.at("classes"), unlabelled = whole.at("void");
    if (!classes.value.is_array()) classes.refuse("a list");
    ClassTable table;
    table.name = whole.at("name").text();
    for (std::size_t i = 0; i < classes.value.size(); ++i) {
        table.names.push_back(classes.at(i).at("name").text());
        for (std::size_t other = 0; other < i; ++other) {
            if (table.names[other] == table.names[i]) {
                fail("{}: classes[{}] and classes[{}] are both called '{}'", source, other, i,
                     printable(table.names[i]));
            }
        }
        table.colours.push_back(classes.at(i).at("colour").colour());
    }
    table.void_id = unlabelled.at("id").integer(0, 255, "a whole number from 0 to 255");
    table.void_name = unlabelled.at("name").text();
    table.void_colour = unlabelled.at("colour").colour();
    if (table.names.empty() || table.count() > 255) {
        fail("{}: {} classes; ids are u8, so a table has 1 to 255", source, table.count());
    }
    if (table.void_is_class() && table.names[static_cast<std::size_t>(table.void_id)] != table.void_name) {
        fail("{}: void id {} must be in {}..255, past the class ids, or that of a class of its name", source,
             table.void_id, table.count());
    }
    return table;
}

std::string class_table_json(const ClassTable& table) {
    // Written by hand for a class a line; nlohmann's dump would put every number on a line of its own.
    const auto quoted = [](const std::string& text) { return json(text).dump(); };
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
