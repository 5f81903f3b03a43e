#pragma once
#include <camber/error.h>

#include <nlohmann/json.hpp>
#include <string>

#include "data/annotations/shapes.h"
#include "io/text_file.h"

/// Reading an export's JSON strictly. `where` begins messages.
namespace camber {

inline const nlohmann::json& field(const nlohmann::json& from, const char* key, const std::string& where) {
    if (!from.is_object() || !from.contains(key)) fail("{}: '{}' is missing", where, key);
    return from[key];
}

inline const nlohmann::json& list_field(const nlohmann::json& from, const char* key, const std::string& where) {
    const nlohmann::json& list = field(from, key, where);
    if (!list.is_array()) fail("{}: '{}' must be a list, not {}", where, key, shown(list));
    return list;
}

inline std::string text_field(const nlohmann::json& from, const char* key, const std::string& where) {
    const nlohmann::json& text = field(from, key, where);
    if (!text.is_string()) fail("{}: '{}' must be text, not {}", where, key, shown(text));
    return text.get<std::string>();
}

inline double number_of(const nlohmann::json& value, const std::string& where) {
    constexpr double most = 1e9;
    if (!value.is_number() || !(value.get<double>() >= -most && value.get<double>() <= most))
        fail("{}: {} is no number of pixels", where, shown(value));
    return value.get<double>();
}

inline constexpr int most_pixels = 1 << 20;  ///< of a picture's height or width

/// 0 where it is missing.
inline int size_field(const nlohmann::json& from, const char* key, const std::string& where) {
    if (!from.contains(key) || from[key].is_null()) return 0;
    if (!from[key].is_number_integer() || from[key].get<double>() < 0 || from[key].get<double>() > most_pixels)
        fail("{}: '{}' must be a number of pixels, not {}", where, key, shown(from[key]));
    return from[key].get<int>();
}

inline nlohmann::json read_export(const std::filesystem::path& file) {
    constexpr std::uint64_t most_bytes = 512 << 20;
    constexpr std::size_t most_elements = 10'000'000;
    return parse_json(read_text(file, most_bytes), file.string(), "an export of annotations",
                      {.depth = 64, .list = most_elements});
}

}  // namespace camber
