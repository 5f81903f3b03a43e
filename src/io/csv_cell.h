#pragma once
#include <string>

namespace camber {

/// A text as a cell of CSV, quoted where it has to be (RFC 4180).
inline std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string result = "\"";
    for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + "\"";
}

}  // namespace camber
