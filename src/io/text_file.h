#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace camber {

/// The text of a file of at most `most` bytes, without a byte-order mark. Throws Error naming the file when it cannot
/// be read or is longer, and the line too where it is UTF-16 or holds a zero byte.
std::string read_text(const std::filesystem::path& file, std::uint64_t most);

/// A line of a text; `rest` becomes what follows it. Without the line end, \n, \r\n or \r.
std::string_view take_line(std::string_view& rest);

/// What a JSON text may hold beside what its reader wants.
struct JsonLimits {
    int depth = 64;                ///< objects and lists within one another
    std::size_t list = 1'000'000;  ///< elements of a list
};

/// Parses `text`, strictly: JSON leaves the meaning of a repeated key open, and a file on which readers disagree is
/// damaged or meant to deceive. In time linear in its length. Throws Error that begins with `source`, names the line
/// where there are several, and says that it is not `what` ("a class table").
nlohmann::json parse_json(std::string_view text, const std::string& source, std::string_view what,
                          const JsonLimits& limits = {});

/// A value as a message shows it: on one line, shortened.
std::string shown(const nlohmann::json& value);

}  // namespace camber
