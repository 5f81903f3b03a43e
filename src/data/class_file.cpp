#include "data/class_file.h"

#include <camber/error.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "data/known_classes.h"
#include "data/list_file.h"
#include "io/text_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

/// A whole number from 0 to 65535, the values of a label map.
std::optional<int> number(const std::string& text) {
    constexpr std::size_t most_digits = 5;
    if (text.empty() || text.size() > most_digits) return {};
    for (const char c : text)
        if (c < '0' || c > '9') return {};
    const int value = std::stoi(text);
    return value <= 65535 ? std::optional(value) : std::nullopt;
}

/// "Road" of {"name": "Road", "ids": [7, 8], "colours": [[1, 2, 3]], "from": ["LaneMkgsDriv"]}.
ClassSource source_of(const json& entry, const std::string& what) {
    ClassSource source;
    const auto list = [&](const char* key) -> const json& {
        static const json none = json::array();
        if (!entry.contains(key)) return none;
        if (!entry[key].is_array()) fail("{}.{} must be a list, not {}", what, key, shown(entry[key]));
        return entry[key];
    };
    const auto whole = [&](const json& value, int most, const char* key) {
        if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > most)
            fail("{}.{} holds {}, which is no whole number from 0 to {}", what, key, shown(value), most);
        return value.get<int>();
    };
    for (const json& id : list("ids")) source.ids.push_back(whole(id, 65535, "ids"));
    for (const json& colour : list("colours")) {
        if (!colour.is_array() || colour.size() != 3)
            fail("{}.colours holds {}, which is not three whole numbers from 0 to 255", what, shown(colour));
        Rgb rgb{};
        for (std::size_t i = 0; i < 3; ++i) rgb[i] = static_cast<std::uint8_t>(whole(colour[i], 255, "colours"));
        source.colours.push_back(rgb);
    }
    for (const json& name : list("from")) {
        if (!name.is_string()) fail("{}.from holds {}, which is no name of a class", what, shown(name));
        source.names.push_back(name.get<std::string>());
    }
    return source;
}

ClassFile parse_json_classes(const std::string& text, const std::string& source) {
    ClassFile file;
    file.table = parse_class_table(text, source);
    const json parsed = json::parse(text);
    for (int id = 0; id < file.table.count(); ++id) {
        const auto at = static_cast<std::size_t>(id);
        file.source(id) = source_of(parsed["classes"][at], fmt::format("{}: classes[{}]", source, id));
    }
    file.source(file.table.count()) = source_of(parsed["void"], source + ": void");
    return file;
}

struct Line {
    std::string name;
    std::optional<int> id;
    std::optional<Rgb> colour;
};

struct Fields {
    std::vector<std::string> texts;
    std::vector<bool> apart;  ///< whether more than blanks stands before it
};

/// The fields of a line, between commas where there are any, else tabs or blanks.
Fields fields_of(std::string_view line) {
    Fields fields;
    // CVAT's labelmap.txt: name:r,g,b:parts:actions.
    if (const std::vector<std::string> parts = split_fields(line, ":");
        parts.size() == 4 && parts[1].find(',') != line.npos) {
        fields.texts = split_fields(parts[1], ",");
        fields.texts.insert(fields.texts.begin(), parts[0]);
        fields.apart.assign(fields.texts.size(), true);
        return fields;
    }
    for (const std::string_view separator : {",", ";"}) {
        if (line.find(separator) == line.npos) continue;
        fields.texts = split_fields(line, separator);
        fields.apart.assign(fields.texts.size(), true);
        return fields;
    }
    std::string text(line);
    const std::size_t colon = text.find(':');  // "0: road"
    if (colon != text.npos && number(text.substr(0, colon))) text[colon] = '\t';
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\t', begin), text.size());
        bool first = true;
        for (std::string& field : split_fields(std::string_view(text).substr(begin, end - begin), " ")) {
            fields.texts.push_back(std::move(field));
            fields.apart.push_back(std::exchange(first, false));
        }
        begin = end + 1;
    }
    return fields;
}

Line parse_line(std::string_view text, const std::string& where) {
    const Fields fields = fields_of(text);
    const std::size_t count = fields.texts.size();
    const auto is_number = [&](std::size_t i) { return number(fields.texts[i]).has_value(); };
    std::size_t before = 0, after = count;  // the name is from `before` to `after`
    while (before < count && is_number(before)) ++before;
    while (after > before && is_number(after - 1)) --after;
    // "Class 1" is a name, with a colour behind it too: no id stands after blanks alone.
    if ((count - after == 1 || count - after == 4) && after > before && !fields.apart[after]) ++after;
    std::vector<int> numbers;
    Line line;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string& field = fields.texts[i];
        if (field.empty()) continue;
        const bool within = i >= before && i < after && !fields.apart[i];
        if (const std::optional<int> value = number(field); value && !within) {
            numbers.push_back(*value);
        } else {
            line.name += (line.name.empty() ? "" : " ") + field;
        }
    }
    const std::size_t n = numbers.size();
    if (line.name.empty() && n > 0) fail("{}: the class has no name", where);
    if (n != 0 && n != 1 && n != 3 && n != 4)
        fail("{}: {} numbers; a class is a name, an id and a name, or these with a colour (r,g,b)", where, n);
    if (n == 1 || n == 4) line.id = numbers[0];
    if (n >= 3) {
        Rgb colour{};
        for (std::size_t i = 0; i < 3; ++i) {
            const int value = numbers[n - 3 + i];
            if (value > 255) fail("{}: {} is no part of a colour, 0 to 255", where, value);
            colour[i] = static_cast<std::uint8_t>(value);
        }
        line.colour = colour;
    }
    return line;
}

/// name,r,g,b and the like.
bool is_header(const std::string& text) {
    static const std::set<std::string> words = {"name",        "class", "label",      "id",        "r",
                                                "g",           "b",     "red",        "green",     "blue",
                                                "pixel value", "index", "class_name", "label_name"};
    static const std::set<std::string> alone = {"name",   "names",      "class",       "classes",
                                                "labels", "class_name", "class_names", "label_name"};
    const std::vector<std::string> fields = fields_of(lower(text)).texts;
    if (fields.size() == 1) return alone.contains(fields[0]);
    return std::all_of(fields.begin(), fields.end(), [](const std::string& field) { return words.contains(field); });
}

ClassFile parse_text_classes(const std::string& text, const std::string& source) {
    std::vector<Line> lines;
    int number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        std::string line(take_line(rest));
        ++number;
        if (line.find_first_not_of(" \t") == line.npos || line.starts_with('#')) continue;
        if (lines.empty() && is_header(line)) continue;
        const std::string where = fmt::format("{} line {}", source, number);
        lines.push_back(parse_line(line, where));
        if (!is_utf8(lines.back().name)) fail("{}: is not UTF-8; save the file as that", where);
        for (std::size_t i = 0; i + 1 < lines.size(); ++i)
            if (lines[i].name == lines.back().name) fail("{}: there are two classes '{}'", where, lines[i].name);
        if (lines.size() > 255) fail("{}: has more than 255 classes", where);
    }
    if (lines.empty()) fail("{}: names no classes; write a class a line: name,r,g,b", source);
    const bool with_ids = lines[0].id.has_value(), with_colours = lines[0].colour.has_value();
    for (const Line& line : lines) {
        if (line.id.has_value() != with_ids || line.colour.has_value() != with_colours)
            fail("{}: '{}' and '{}' are not written alike; give all classes an id, a colour or neither", source,
                 lines[0].name, line.name);
    }
    ClassFile file;
    ClassTable& table = file.table;
    table.name = fs::path(source).filename().string();
    const auto colour = [&](std::size_t i) { return lines[i].colour.value_or(voc_colour(static_cast<int>(i))); };
    const bool void_last = lines.size() > 1 && is_void_name(lines.back().name);
    const std::size_t count = lines.size() - (void_last ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
        table.names.push_back(lines[i].name);
        table.colours.push_back(colour(i));
        if (!void_last && is_void_name(lines[i].name)) {
            table.void_id = static_cast<int>(i);
            table.void_name = lines[i].name;
            table.void_colour = colour(i);
        }
    }
    file.says_colours = with_colours;
    file.says_void = void_last || table.void_is_class();
    if (void_last) {
        table.void_name = lines.back().name;
        table.void_colour = lines.back().colour.value_or(Rgb{0, 0, 0});
        table.void_id = static_cast<int>(count);
    }
    if (!with_ids) return file;
    std::set<int> seen;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const int id = *lines[i].id;
        if (!seen.insert(id).second) fail("{}: two classes have the id {}", source, id);
        if (i < count) file.source(static_cast<int>(i)).ids = {id};
    }
    if (void_last) file.source(table.count()).ids = {*lines.back().id};
    return file;
}

}  // namespace

bool is_void_name(const std::string& name) {
    static const std::set<std::string> names = {"void",    "unlabelled", "unlabeled",    "ignore",
                                                "ignored", "unknown",    "ignore_label", "don't care"};
    return names.contains(lower(name));
}

ClassFile read_class_file(const fs::path& file) {
    constexpr std::uint64_t most_bytes = 1 << 20;
    const std::string text = read_text(file, most_bytes);
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    const bool is_json = file.extension() == ".json" || (begin != text.npos && text[begin] == '{');
    return is_json ? parse_json_classes(text, file.string()) : parse_text_classes(text, file.string());
}

fs::path find_class_file(const fs::path& folder) {
    for (const char* name : {"classes.json", "classes.csv", "classes.txt", "class_dict.csv", "label_colors.txt",
                             "codes.txt", "labels.txt"}) {
        std::error_code error;
        if (fs::exists(fs::symlink_status(folder / name, error))) return folder / name;
    }
    return {};
}

}  // namespace camber
