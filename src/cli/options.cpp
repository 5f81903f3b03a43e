#include "cli/options.h"

#include <camber/error.h>

#include <charconv>

namespace camber::cli {

std::pair<int, int> parse_size(const std::string& text) {
    int height = 0, width = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, height);
    if (first.ec == std::errc() && first.ptr != end && *first.ptr == 'x') {
        const auto second = std::from_chars(first.ptr + 1, end, width);
        if (second.ec == std::errc() && second.ptr == end && height > 0 && width > 0) return {height, width};
    }
    fail_usage("'{}' is not a size: HEIGHTxWIDTH, for example 256x320", text);
}

}  // namespace camber::cli
