#include "data/class_file.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <utility>

#include "core/lower.h"
#include "data/known_classes.h"
#include "data/list_file.h"
#include "io/printable.h"
#include "io/text_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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

/// Refuses what a table has nothing to say by: a misspelt key would be passed over.
void check_keys(const json& entry, const std::vector<std::string>& keys, const std::string& what) {
    for (const auto& [key, _] : entry.items())
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            fail("{}: there is no '{}' here; known are {}", what, printable(key), fmt::join(keys, ", "));
}

/// Gives classes their colours as text does: "color", or of none VOC's of their position.
void complete_colours(json& parsed, bool& says_colours) {
    const auto complete = [](json& entry, const Rgb& usual) {
        if (!entry.is_object()) return true;
        if (!entry.contains("colour") && entry.contains("color")) {
            entry["colour"] = entry["color"];
            entry.erase("color");
        }
        if (entry.contains("colour")) return true;
        entry["colour"] = {usual[0], usual[1], usual[2]};
        return false;
    };
    if (!parsed.is_object()) return;
    says_colours = false;
    if (parsed.contains("classes") && parsed["classes"].is_array())
        for (std::size_t i = 0; i < parsed["classes"].size(); ++i)
            says_colours |= complete(parsed["classes"][i], voc_colour(static_cast<int>(i)));
    if (parsed.contains("void")) complete(parsed["void"], {0, 0, 0});
}

/// Throws Error for an id that two classes say is theirs, or void too. The void id that a table must have may be a
/// class's stored one.
void check_stored(ClassFile& file, const std::string& where) {
    std::map<int, int> of;
    for (int id = 0; id <= file.table.count(); ++id) {
        const bool is_void = id == file.table.count();
        if (is_void && file.table.void_is_class()) break;
        std::vector<int> ids = file.source(id).ids;
        if (ids.empty() && !is_void) ids = {id};
        for (const int stored : ids) {
            const auto [place, added] = of.emplace(stored, id);
            const auto name = [&](int i) {
                return file.table.name_of(i == file.table.count() ? file.table.void_id : i);
            };
            if (!added && place->second != id)
                fail("{}: the id {} is both {} and {}; leave it to one", where, stored, name(place->second), name(id));
        }
    }
}

ClassFile parse_json_classes(const std::string& text, const std::string& source) {
    ClassFile file;
    json parsed = parse_json(text, source, "a class table");
    complete_colours(parsed, file.says_colours);
    file.table = parse_class_table(parsed.dump(), source);
    check_keys(parsed, {"name", "classes", "void"}, source);
    check_keys(parsed["void"], {"id", "name", "colour", "ids", "colours", "from"}, source + ": void");
    for (int id = 0; id < file.table.count(); ++id) {
        const auto at = static_cast<std::size_t>(id);
        const std::string what = fmt::format("{}: classes[{}]", source, id);
        check_keys(parsed["classes"][at], {"name", "colour", "ids", "colours", "from"}, what);
        file.source(id) = source_of(parsed["classes"][at], what);
    }
    file.source(file.table.count()) = source_of(parsed["void"], source + ": void");
    file.says_void_colour = file.table.void_colour != Rgb{0, 0, 0};
    check_stored(file, source);
    return file;
}

/// What a column of a text table holds.
enum class Column { name, id, red, green, blue, colour };

std::optional<Column> column_of(const std::string& word) {
    static const std::map<std::string, Column> words = {
        {"name", Column::name},       {"names", Column::name},       {"class", Column::name},
        {"classes", Column::name},    {"label", Column::name},       {"labels", Column::name},
        {"class_name", Column::name}, {"class name", Column::name},  {"class_names", Column::name},
        {"label_name", Column::name}, {"label name", Column::name},  {"category", Column::name},
        {"categories", Column::name}, {"title", Column::name},       {"klasse", Column::name},
        {"classe", Column::name},     {"clase", Column::name},       {"id", Column::id},
        {"index", Column::id},        {"idx", Column::id},           {"value", Column::id},
        {"class_id", Column::id},     {"label_id", Column::id},      {"class_idx", Column::id},
        {"label_idx", Column::id},    {"pixel value", Column::id},   {"pixel_value", Column::id},
        {"r", Column::red},           {"red", Column::red},          {"g", Column::green},
        {"green", Column::green},     {"b", Column::blue},           {"blue", Column::blue},
        {"colour", Column::colour},   {"color", Column::colour},     {"rgb", Column::colour},
        {"hex", Column::colour},      {"color_rgb", Column::colour}, {"color_hex", Column::colour}};
    const auto found = words.find(lower(word));
    return found == words.end() ? std::nullopt : std::optional(found->second);
}

/// Six hexadecimal digits, or three that are each meant twice.
std::optional<Rgb> hex_colour(std::string digits) {
    if (digits.size() == 3) digits = {digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]};
    if (digits.size() != 6 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) return {};
    Rgb colour{};
    for (std::size_t i = 0; i < 3; ++i)
        colour[i] = static_cast<std::uint8_t>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
    return colour;
}

/// #804080, #888, 0x804080, or 128,64,128 that something else sets apart from its neighbours: "(128, 64, 128)".
std::optional<Rgb> colour_of(std::string text) {
    Rgb colour{};
    if (text.starts_with('#')) return hex_colour(text.substr(1));
    if (text.size() == 8 && (text.starts_with("0x") || text.starts_with("0X"))) return hex_colour(text.substr(2));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c != '\0' && std::strchr("()[],;", c) != nullptr; }, ' ');
    const std::vector<std::string> parts = split_fields(text, " ");
    if (parts.size() != 3) return {};
    for (std::size_t i = 0; i < 3; ++i) {
        const std::optional<int> value = number(parts[i]);
        if (!value || *value > 255) return {};
        colour[i] = static_cast<std::uint8_t>(*value);
    }
    return colour;
}

struct Fields {
    std::vector<std::string> texts;
    std::vector<bool> apart;  ///< whether more than blanks stands before it
};

/// A line whose colours in brackets, (128, 64, 128), are one word each.
std::string with_hex(std::string_view line) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const std::size_t end = line[i] == '(' || line[i] == '[' ? line.find(line[i] == '(' ? ')' : ']', i) : line.npos;
        const auto colour = end == line.npos ? std::nullopt : colour_of(std::string(line.substr(i, end + 1 - i)));
        if (!colour) {
            text += line[i];
            continue;
        }
        text += fmt::format("#{:02x}{:02x}{:02x}", (*colour)[0], (*colour)[1], (*colour)[2]);
        i = end;
    }
    return text;
}

/// The fields of a line: between : or = where these part a name from numbers ("0: road", "road=2", CVAT's
/// "road:128,64,128::"), else bars, else commas where there are any, else semicolons, else tabs or blanks.
Fields fields_of(std::string_view written) {
    const std::string words = with_hex(written);
    std::string_view line = words;
    // CVAT's road:128,64,128:part,part:action: parts and actions are no classes.
    static const std::regex with_parts(R"(([^:]+:\s*[0-9]+\s*,\s*[0-9]+\s*,\s*[0-9]+\s*):[^:]*:[^:]*)");
    std::match_results<std::string_view::const_iterator> cvat;
    if (std::regex_match(line.begin(), line.end(), cvat, with_parts))
        line = line.substr(0, static_cast<std::size_t>(cvat.length(1)));
    for (const std::string_view separator : {":", "=", "|", ",", ";"}) {
        if (line.find(separator) == line.npos) continue;
        Fields fields;
        fields.texts = split_fields(line, separator);
        fields.apart.assign(fields.texts.size(), true);
        if (separator == "|" || separator == "," || separator == ";") return fields;
        std::size_t names = 0, numbers = 0;
        for (const std::string& text : fields.texts) {
            const bool is_number = number(text) || colour_of(text);
            numbers += is_number ? 1 : 0;
            if (!text.empty() && !is_number) names += text.find_first_of(",;\t") == text.npos ? 1 : 2;
        }
        if (names == 1 && numbers > 0) return fields;
    }
    Fields fields;
    for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t end = std::min(line.find('\t', begin), line.size());
        bool first = true;
        for (std::string& field : split_fields(line.substr(begin, end - begin), " ")) {
            fields.texts.push_back(std::move(field));
            fields.apart.push_back(std::exchange(first, false));
        }
        begin = end + 1;
    }
    return fields;
}

/// What the columns hold, in their order, where the line is a header: of two names the other is an id. Throws Error for
/// one of which a column is not known.
std::optional<std::vector<Column>> header_of(std::string_view line, const std::string& where) {
    Fields fields = fields_of(line);
    while (!fields.texts.empty() && fields.texts.back().empty()) fields.texts.pop_back();
    std::vector<Column> columns;
    std::string known, strange;
    bool apart = false;
    for (std::size_t i = 0; i < fields.texts.size(); ++i) {
        const std::string& text = fields.texts[i];
        if (number(text) || colour_of(text)) return {};
        apart = apart || (i > 0 && fields.apart[i]);
        std::optional<Column> column = column_of(text);
        const auto has = [&](Column c) { return std::find(columns.begin(), columns.end(), c) != columns.end(); };
        // class,label: one is the number. "class name" is one column.
        if (column == Column::name && fields.apart[i] && has(Column::name) && !has(Column::id)) column = Column::id;
        const bool twice = column && std::find(columns.begin(), columns.end(), *column) != columns.end() &&
                           (fields.apart[i] || *column != Column::name);
        if (column && !twice) columns.push_back(*column), known += (known.empty() ? "" : ",") + text;
        if ((!column || twice) && strange.empty()) strange = text.empty() ? "(without a name)" : text;
    }
    if (columns.empty() || (columns.size() == 1 && columns[0] != Column::name)) return {};
    if (!strange.empty()) {
        // Words between blanks may be a class of several.
        if (!apart && column_of(fields.texts[0]) != Column::name) return {};
        fail("{}: the column '{}' is not known; leave name, id, r, g, b or color (here {})", where, strange, known);
    }
    const auto parts = std::count_if(columns.begin(), columns.end(), [](Column c) {
        return c == Column::red || c == Column::green || c == Column::blue;
    });
    if (parts != 0 && parts != 3) fail("{}: {} is no whole colour; leave r, g and b, or none of them", where, known);
    return columns;
}

struct Line {
    std::string name;
    std::optional<int> id;
    std::optional<Rgb> colour;
};

/// Refuses what a name does not begin with: "2.", "(2)", "-1", "0x02", "-".
void check_name(const std::string& text, const std::string& where) {
    const std::string word = text.substr(0, text.find(' '));
    const bool has_letter =
        std::any_of(word.begin(), word.end(), [](unsigned char c) { return std::isalpha(c) || c > 127; });
    const bool is_hex = word.size() > 2 && lower(word).starts_with("0x");
    if (number(word) || (has_letter && !is_hex)) return;
    fail("{}: '{}' is neither a name nor an id from 0 to 65535; write id,name a line (7,road) or name,r,g,b", where,
         word);
}

/// What numbers are where no header says it. `leading`: how many stand before the name.
const std::vector<Column>& usual_columns(const Line& line, const std::vector<int>& numbers, std::size_t leading,
                                         const std::string& where) {
    using C = Column;
    static const std::vector<C> none, id = {C::id}, colour = {C::red, C::green, C::blue},
                                      id_first = {C::id, C::red, C::green, C::blue},
                                      id_last = {C::red, C::green, C::blue, C::id};
    const std::size_t n = numbers.size();
    if (n > 4 || n == 2 || (line.colour && n > 1))
        fail("{}: {} numbers; a class is a name, an id and a name, or these with a colour (r,g,b)", where, n);
    if (n < 4) return n == 0 ? none : n == 1 ? id : colour;
    if (leading != 1 && leading != 3)
        fail("{}: which of {} is the id? Say it in the first line: name,id,r,g,b or name,r,g,b,id", where,
             fmt::join(numbers, ", "));
    return leading == 1 ? id_first : id_last;
}

void take_numbers(Line& line, const std::vector<int>& numbers, const std::vector<Column>& columns,
                  const std::string& where) {
    std::size_t at = 0;
    for (const Column column : columns) {
        if (column == Column::colour) {
            if (!line.colour)
                fail("{}: '{}' has no colour that is read; write 128,64,128 or #804080", where, line.name);
            continue;
        }
        if (at == numbers.size()) fail("{}: {} numbers, fewer than the first line says", where, at);
        const int value = numbers[at++];
        if (column == Column::id) {
            line.id = value;
            continue;
        }
        if (value > 255) fail("{}: {} is no part of a colour, 0 to 255", where, value);
        if (!line.colour) line.colour = Rgb{};
        (*line.colour)[column == Column::red ? 0 : column == Column::green ? 1 : 2] = static_cast<std::uint8_t>(value);
    }
    if (at < numbers.size()) fail("{}: {} numbers, more than the first line says", where, numbers.size());
}

/// Refuses a quote that is not closed, which would join fields that it does not hold, and a section of an .ini file.
void check_quotes(std::string_view line, const Fields& fields, const std::string& where) {
    if (line.front() == '[' && line.back() == ']')
        fail("{}: {} names no class; take the line away, or put the name in quotes", where, line);
    const bool odd = std::count(line.begin(), line.end(), '"') % 2 == 1;
    if (odd && std::any_of(fields.texts.begin(), fields.texts.end(), [](const auto& t) { return t.starts_with('"'); }))
        fail("{}: a quote is not closed", where);
}

/// `header`: what the columns are; null where nothing says it.
Line parse_line(std::string_view text, const std::vector<Column>* header, const std::string& where) {
    Fields fields = fields_of(text);
    const std::size_t count = fields.texts.size();
    check_quotes(text, fields, where);
    std::vector<Column> columns;  // beside the name
    if (header) {
        columns = *header;
        for (std::size_t i = 0; i < count && count == columns.size(); ++i)
            if (columns[i] == Column::colour && hex_colour(fields.texts[i])) fields.texts[i].insert(0, "#");
        std::erase(columns, Column::name);
    }
    const auto is_number = [&](std::size_t i) { return number(fields.texts[i]) || colour_of(fields.texts[i]); };
    std::size_t before = 0, after = count;  // the name is from `before` to `after`
    while (before < count && is_number(before)) ++before;
    while (after > before && is_number(after - 1)) --after;
    // "Class 1" is a name: no id stands after blanks alone.
    const bool blanks = after > before && after < count && !fields.apart[after];
    if (blanks && count - after == 4 && columns.empty())
        fail(
            "{}: is {} the end of the name, or {} the id? Put the name in quotes, or write commas and in the first "
            "line name,r,g,b,id",
            where, fields.texts[after], fields.texts[count - 1]);
    if (blanks && (count - after == 1 || count - after == 4) && count - after != columns.size()) ++after;
    std::vector<int> numbers;
    std::size_t leading = 0;  // numbers before the name
    Line line;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string& field = fields.texts[i];
        if (field.empty()) continue;
        const bool within = i >= before && i < after && !fields.apart[i];
        const std::optional<Rgb> colour = colour_of(field);
        if (const std::optional<int> value = number(field); value && !within) {
            numbers.push_back(*value);
            leading += line.name.empty() ? 1 : 0;
        } else if (colour && !line.colour) {
            line.colour = colour;
        } else if (i == before && i > 0 && !fields.apart[i] && field.find_first_not_of("-=>:") == field.npos) {
            continue;  // "2 - rest"
        } else {
            if (line.name.empty() || fields.apart[i]) check_name(field, where);
            if (!line.name.empty() && fields.apart[i])
                fail("{}: '{}' and '{}' are two names; leave one a line, in quotes where it holds commas", where,
                     line.name, field);
            line.name += (line.name.empty() ? "" : " ") + field;
        }
    }
    if (line.name.empty()) fail("{}: the class has no name", where);
    // A header of the name alone says nothing of numbers.
    take_numbers(line, numbers, columns.empty() ? usual_columns(line, numbers, leading, where) : columns, where);
    return line;
}

/// The classes that a table's lines are, and which of them are void.
ClassFile classes_of(const std::vector<Line>& lines, const std::string& source) {
    const bool with_ids = lines[0].id.has_value();
    // LabelMe counts from the line after it, and stores 255 for it.
    const bool labelme = !with_ids && lines.size() > 1 && lines[0].name == "__ignore__";
    const auto voids =
        std::count_if(lines.begin(), lines.end(), [](const Line& line) { return is_void_name(line.name); });
    // The last, or several, are no class of the network; one among the others is, as CamVid has it.
    const bool void_class = voids == 1 && !labelme && (lines.size() == 1 || !is_void_name(lines.back().name));
    ClassFile file;
    ClassTable& table = file.table;
    table.name = fs::path(source).filename().string();
    file.says_colours = lines[0].colour.has_value();
    file.says_void = voids > 0;
    file.says_void_colour = file.says_colours && file.says_void;
    const bool says_ids = with_ids || labelme || voids > 1;
    ClassSource of_void;
    std::vector<ClassSource> sources;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Line& line = lines[i];
        const bool is_void = is_void_name(line.name);
        const int position = static_cast<int>(i) - (labelme ? 1 : 0);
        const int stored = line.id.value_or(position < 0 ? 255 : position);
        if (is_void) {
            const Rgb colour = line.colour.value_or(void_class ? voc_colour(position) : Rgb{0, 0, 0});
            if (of_void.ids.empty()) {
                table.void_name = line.name;
                table.void_colour = colour;
                table.void_id =
                    void_class ? position : static_cast<int>(lines.size() - static_cast<std::size_t>(voids));
            } else if (line.colour) {
                of_void.colours.push_back(colour);
            }
            of_void.ids.push_back(stored);
        }
        if (is_void && !void_class) continue;
        table.names.push_back(line.name);
        table.colours.push_back(line.colour.value_or(voc_colour(position)));
        sources.push_back({{stored}, {}, {}});
    }
    if (table.names.empty()) fail("{}: names no classes but void", source);
    if (!says_ids) return file;
    file.sources = std::move(sources);
    if (!void_class && voids > 0) file.source(table.count()) = std::move(of_void);
    return file;
}

/// Refuses names that end in the places of other lines ("road -> 2" in line 0): they are ids. "Class 1" may be a name,
/// and so may those that end in their own places.
void check_endings(const std::vector<Line>& lines, const std::string& source) {
    constexpr std::string_view digits = "0123456789", brackets = ")]";
    std::vector<int> ends;
    bool blanks = true;
    for (const Line& line : lines) {
        std::string_view name = line.name;
        if (brackets.find(name.back()) != name.npos) name.remove_suffix(1);
        const std::size_t begin = name.find_last_not_of(digits) + 1;
        const std::optional<int> end = number(std::string(name.substr(begin)));
        if (line.id || begin == 0 || !end) return;
        ends.push_back(*end);
        const std::size_t last = name.find_last_not_of(" ", begin - 1);
        blanks = blanks && last != name.npos && std::isalpha(static_cast<unsigned char>(name[last]));
    }
    const std::set<int> distinct(ends.begin(), ends.end());
    const auto count = static_cast<int>(lines.size());
    const bool places = *distinct.begin() == 0 && *distinct.rbegin() == count - 1 && distinct.size() == lines.size();
    if (!places || std::is_sorted(ends.begin(), ends.end()) || (blanks && count < 3)) return;
    fail("{}: are the numbers that names end in, as in '{}', their ids? Write {},name a line (or name,id)", source,
         lines[0].name, ends[0]);
}

ClassFile parse_text_classes(const std::string& text, const std::string& source) {
    std::vector<Line> lines;
    std::optional<std::vector<Column>> header;
    std::set<int> ids;
    int number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string line(take_line(rest));
        ++number;
        if (line.find_first_not_of(" \t") == line.npos) continue;
        if (line.starts_with('#') && !colour_of(line.substr(0, 7))) continue;
        const std::string where = fmt::format("{} line {}", source, number);
        if (!is_utf8(line)) fail("{}: is not UTF-8; save the file as that", where);
        if (lines.empty() && !header && (header = header_of(line, where))) continue;
        const Line next = parse_line(line, header ? &*header : nullptr, where);
        for (const Line& other : lines)
            if (other.name == next.name) fail("{}: there are two classes '{}'", where, other.name);
        if (next.id && !ids.insert(*next.id).second) fail("{}: two classes have the id {}", where, *next.id);
        lines.push_back(next);
        if (lines.size() > 255) fail("{}: has more than 255 classes", where);
        if (next.id.has_value() != lines[0].id.has_value() || next.colour.has_value() != lines[0].colour.has_value())
            fail("{}: '{}' and '{}' are not written alike; give all classes an id, a colour or neither", where,
                 lines[0].name, next.name);
    }
    if (lines.empty()) fail("{}: names no classes; write a class a line: name,r,g,b", source);
    check_endings(lines, source);
    return classes_of(lines, source);
}

}  // namespace

std::optional<Rgb> colour_of_text(const std::string& text) { return colour_of(text); }

bool says_the_same(const ClassFile& one, const ClassFile& other) {
    const auto stored = [](const ClassFile& file, int id) {
        const auto at = static_cast<std::size_t>(id);
        const bool said = at < file.sources.size() && !file.sources[at].ids.empty();
        return said ? file.sources[at].ids : std::vector{id == file.table.count() ? file.table.void_id : id};
    };
    if (one.table.names != other.table.names || one.says_void != other.says_void) return false;
    if (one.says_colours && other.says_colours && one.table.colours != other.table.colours) return false;
    for (int id = 0; id <= one.table.count(); ++id)
        if (stored(one, id) != stored(other, id)) return false;
    return true;
}

bool is_void_name(const std::string& name) {
    static const std::set<std::string> names = {"void",    "unlabelled", "unlabeled",    "ignore",
                                                "ignored", "unknown",    "ignore_label", "don't care"};
    const std::size_t begin = name.find_first_not_of('_');  // LabelMe's __ignore__
    if (begin == name.npos) return false;
    return names.contains(lower(name.substr(begin, name.find_last_not_of('_') + 1 - begin)));
}

ClassFile read_class_file(const fs::path& file) {
    constexpr std::uint64_t most_bytes = 1 << 20;
    const std::string text = read_text(file, most_bytes);
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    const bool is_json = file.extension() == ".json" || (begin != text.npos && text[begin] == '{');
    ClassFile read = is_json ? parse_json_classes(text, file.string()) : parse_text_classes(text, file.string());
    read.where = file.string();
    return read;
}

fs::path find_class_file(const fs::path& folder) {
    static const std::vector<std::string> names = {
        "classes.json", "classes.csv",     "classes.txt",  "class_dict.csv", "label_colors.txt",
        "codes.txt",    "class_names.txt", "labelmap.txt", "labels.txt",     "_classes.csv"};
    std::vector<fs::path> found(names.size());
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const auto name = std::find(names.begin(), names.end(), lower(entry.path().filename().string()));
        if (name == names.end()) continue;
        fs::path& place = found[static_cast<std::size_t>(name - names.begin())];
        if (!place.empty()) {
            const auto [first, second] = std::minmax(place, entry.path());
            fail("{} and {} are both a class table: take one away", first.string(), second.string());
        }
        place = entry.path();
    }
    const auto first = std::find_if(found.begin(), found.end(), [](const fs::path& file) { return !file.empty(); });
    return first == found.end() ? fs::path() : *first;
}

}  // namespace camber
