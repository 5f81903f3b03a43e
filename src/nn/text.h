#pragma once
#include <cstdint>
#include <string>

namespace camber {

/// 31055427 as "31,055,427".
inline std::string thousands(std::int64_t value) {
    std::string text = std::to_string(value);
    const std::size_t first = value < 0 ? 1 : 0;
    for (std::size_t i = text.size(); i > first + 3;) text.insert(i -= 3, 1, ',');
    return text;
}

}  // namespace camber
