#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace camber::report {

/// What a figure was measured by, as run.json and `camber eval --json` have it under "protocol", in lines for people:
/// (what, how). Of null, none.
std::vector<std::pair<std::string, std::string>> protocol_lines(const nlohmann::json& protocol);

/// Why figures of two protocols cannot be compared: what differs of data, classes, void and the size of the input;
/// empty where nothing does.
std::vector<std::string> protocol_differences(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace camber::report
