#pragma once
#include <camber/error.h>

#include <cstdlib>
#include <string>

namespace camber {

/// The environment variable's value, empty where it is not set.
inline std::string environment_text(const std::string& variable) {
    const char* const value = std::getenv(variable.c_str());
    return value ? value : "";
}

/// A variable that is 0 or 1; throws UsageError for anything else but nothing.
inline bool environment_flag(const std::string& variable, bool otherwise) {
    const std::string text = environment_text(variable);
    if (text.empty()) return otherwise;
    if (text != "0" && text != "1") fail_usage("{}={}: it takes 0 or 1", variable, text);
    return text == "1";
}

}  // namespace camber
