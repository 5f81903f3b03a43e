#include "io/toml_file.h"

#include <camber/error.h>

#ifdef CAMBER_WITH_TOML
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

// toml++ 3.3 asserts what a damaged text can make untrue ("[[" before a control character).
#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? void() : throw std::invalid_argument("not as TOML has it"))
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wterminate"  // in functions that are not called here
#endif
#include <toml++/toml.h>
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

namespace camber {
namespace {

using nlohmann::json;

// toml++ 3.3 takes letters beyond ASCII for keys of a TOML to come, and is undefined on some. It is given ASCII: each
// byte beyond, and each ~, as ~ and two digits, which only strings and comments can hold.
constexpr char escape = '~';

std::string in_ascii(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::string ascii;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        ascii += byte > 127 || c == escape ? fmt::format("{}{:02x}", escape, byte) : std::string(1, c);
    }
    return ascii;
}

std::string from_ascii(std::string_view ascii) {
    std::string text;
    for (std::size_t i = 0; i < ascii.size(); ++i) {
        int byte = 0;
        const bool escaped = ascii[i] == escape && i + 2 < ascii.size() &&
                             std::from_chars(ascii.data() + i + 1, ascii.data() + i + 3, byte, 16).ec == std::errc();
        text += escaped ? static_cast<char>(byte) : ascii[i];
        if (escaped) i += 2;
    }
    return text;
}

/// What toml++ says of the escapes is of no use to who wrote the letters.
std::string hint(std::string_view text, int line) {
    for (int i = 1; i < line && !text.empty(); ++i) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const std::string_view it = text.substr(0, text.find('\n'));
    const bool beyond = std::any_of(it.begin(), it.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
    return beyond ? "; letters beyond ASCII stand in quotes" : "";
}

int line_of(const toml::source_region& region) { return static_cast<int>(region.begin.line); }

class Converter {
  public:
    Converter(std::map<std::string, int>& lines, const std::string& source) : lines_(lines), source_(source) {}

    json convert(const toml::node& node, const std::string& path) {
        if (const auto* table = node.as_table()) {
            json object = json::object();
            for (const auto& [key, value] : *table) {
                const std::string name = from_ascii(key.str()), inner = path.empty() ? name : path + "." + name;
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
        if (const auto* text = node.as_string()) return from_ascii(text->get());
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
    try {
        TomlText result;
        const toml::table table = toml::parse(in_ascii(text));
        result.json = Converter(result.lines, source).convert(table, "");
        return result;
    } catch (const toml::parse_error& error) {
        const int line = line_of(error.source());
        fail("{} line {} is no TOML: {}{}", source, line, from_ascii(error.description()), hint(text, line));
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
