#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace camber {

/// A TOML text as JSON, and the line of each key: "loss.dice" for `dice` in the table `loss`.
struct TomlText {
    nlohmann::json json;
    std::map<std::string, int> lines;
};

/// Throws Error that begins with `source` and names the line for what is no TOML, and for dates and times, which JSON
/// does not have; UsageError where this build has no toml++.
TomlText parse_toml(std::string_view text, const std::string& source);

}  // namespace camber
