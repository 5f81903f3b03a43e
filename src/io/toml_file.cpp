#include "io/toml_file.h"

#include <camber/error.h>

#ifdef CAMBER_WITH_TOML
#include <stdexcept>

// toml++ 3.3 asserts what a damaged text can make untrue ("[[" before a control character).
#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? void() : throw std::invalid_argument("not as TOML has it"))
#include <toml++/toml.h>

namespace camber {
namespace {

using nlohmann::json;

/// Refuses letters beyond ASCII outside strings and comments, where TOML 1.0 has none: toml++ 3.3 takes some for keys of
/// a TOML to come, and is undefined on others.
void refuse_bare_letters(std::string_view text, const std::string& source) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    int line = 1;
    bool comment = false;
    std::string_view end;  // of the string that this is in; empty outside
    while (!text.empty()) {
        const char c = text[0];
        std::size_t taken = 1;
        if (c == '\n') {
            ++line;
            comment = false;
            if (end.size() == 1) end = {};
        } else if (comment) {
        } else if (!end.empty()) {
            if (c == '\\' && end[0] == '"' && text.size() > 1 && text[1] != '\n') taken = 2;
            if (text.starts_with(end)) taken = end.size(), end = {};
        } else if (c == '#') {
            comment = true;
        } else if (c == '"' || c == '\'') {
            static constexpr std::string_view basic = "\"\"\"", literal = "\'\'\'";
            end = c == '"' ? basic : literal;
            if (!text.starts_with(end)) end = end.substr(0, 1);
            taken = end.size();
        } else if (static_cast<unsigned char>(c) > 127) {
            fail("{} line {} is no TOML: letters beyond ASCII stand in quotes", source, line);
        }
        text.remove_prefix(taken);
    }
}

int line_of(const toml::source_region& region) { return static_cast<int>(region.begin.line); }

class Converter {
  public:
    Converter(std::map<std::string, int>& lines, const std::string& source) : lines_(lines), source_(source) {}

    json convert(const toml::node& node, const std::string& path) {
        if (const auto* table = node.as_table()) {
            json object = json::object();
            for (const auto& [key, value] : *table) {
                const std::string name(key.str()), inner = path.empty() ? name : path + "." + name;
                lines_.emplace(inner, line_of(key.source()));
                object[name] = convert(value, inner);
            }
            return object;
        }
        if (const auto* list = node.as_array()) {
            json array = json::array();
            for (const toml::node& element : *list) array.push_back(convert(element, path));
            return array;
        }
        if (const auto* text = node.as_string()) return text->get();
        if (const auto* truth = node.as_boolean()) return truth->get();
        if (const auto* whole = node.as_integer()) {
            // As JSON has them, whatever their sign.
            if (whole->get() >= 0) return static_cast<std::uint64_t>(whole->get());
            return whole->get();
        }
        if (const auto* number = node.as_floating_point()) return number->get();
        fail("{} line {}: {} is a date or a time, which no option is", source_, line_of(node.source()), path);
    }

  private:
    std::map<std::string, int>& lines_;
    const std::string& source_;
};

}  // namespace

TomlText parse_toml(std::string_view text, const std::string& source) {
    refuse_bare_letters(text, source);
    try {
        TomlText result;
        const toml::table table = toml::parse(text);
        result.json = Converter(result.lines, source).convert(table, "");
        return result;
    } catch (const toml::parse_error& error) {
        fail("{} line {} is no TOML: {}", source, line_of(error.source()), error.description());
    } catch (const std::invalid_argument& error) {
        fail("{} is no TOML: a part of it is {}", source, error.what());
    }
}

}  // namespace camber
#else
namespace camber {

TomlText parse_toml(std::string_view, const std::string& source) {
    fail_usage("{}: this Camber was built without toml++ (Debian: libtomlplusplus-dev) and reads JSON alone", source);
}

}  // namespace camber
#endif
