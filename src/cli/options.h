#pragma once
#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace camber::cli {

/// "256x320" as {height, width}; throws UsageError for anything else.
std::pair<int, int> parse_size(const std::string& text);

/// Sets options[name] to `value`: JSON where it parses as that (16, true, 0.5), else text.
void set_net_option(nlohmann::json& options, const std::string& name, const std::string& value);
/// The same for "width=32"; throws UsageError without an equals sign.
void set_net_option(nlohmann::json& options, const std::string& text);
/// Declares a flag for every option of every network ("up_kernel" is --up-kernel), but for those that `command` has
/// already. What is given goes to `given`, which must live as long as `command`, under the network's name for it.
void add_net_flags(CLI::App& command, std::map<std::string, std::string>& given);

}  // namespace camber::cli
