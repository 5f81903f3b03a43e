#include <camber/error.h>

#include <algorithm>
#include <cstdint>
#include <system_error>

namespace camber {
namespace {

constexpr std::size_t most_bytes = 2000;

/// The code point that begins at text[at] and its length; length 0 where the bytes are not UTF-8 (RFC 3629: no overlong
/// forms, no surrogates).
struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;
};

CodePoint code_point(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    const std::uint32_t first = byte(at);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (length == 0 || length > text.size() - at) return {};
    std::uint32_t value = first & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80) return {};
        value = value << 6 | (byte(at + i) & 0x3F);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
    return {value, length};
}

/// Whether a terminal would obey the character, break the line at it or pass over it, instead of showing it.
bool is_control(std::uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||  // C0, C1, line ends
           c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;  // directions, and what is not seen at all
}

}  // namespace

std::string one_line(std::string_view text) {
    std::string line;
    for (std::size_t at = 0; at < text.size();) {
        if (line.size() > most_bytes) return line + "...";
        const CodePoint c = code_point(text, at);
        if (c.length > 0 && !is_control(c.value)) {
            line += text.substr(at, c.length);
        } else if (text[at] == '\n') {
            line += "\\n";
        } else if (text[at] == '\t') {
            line += "\\t";
        } else if (c.length > 1) {
            line += fmt::format("\\u{:04x}", c.value);
        } else {
            line += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
        }
        at += std::max<std::size_t>(c.length, 1);
    }
    return line;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = code_point(text, at).length;
        if (length == 0) return false;
        at += length;
    }
    return true;
}

std::string error_text(int number) {
    return number == 0 ? "the system gave no reason" : std::generic_category().message(number);
}

}  // namespace camber
