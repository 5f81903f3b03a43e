#include "core/number_range.h"

#include <camber/error.h>

#include <charconv>
#include <cstdint>
#include <type_traits>

namespace camber {

bool NumberRange::holds(double value) const {
    // As written, comparisons with NaN are false; `most` is below infinity.
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
}

std::string NumberRange::text(bool whole) const {
    const std::string number = whole ? "a whole number" : "a number";
    const bool from = low > -most, to = high < most;
    if (from && to && !low_open && !high_open) return fmt::format("{} from {} to {}", number, low, high);
    std::string text = number;
    if (from) text += fmt::format(" {} {}", low_open ? "above" : "of at least", low);
    if (to) text += fmt::format("{} {} {}", from ? " and" : "", high_open ? "below" : "of at most", high);
    if (!from && !to && !whole) text = "a finite number";
    return text;
}

template <class T>
std::string read_number(const std::string& text, const NumberRange& range, T& number) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end || !range.holds(static_cast<double>(value))) {
        const bool overflow = std::is_integral_v<T> && error == std::errc::result_out_of_range;
        return fmt::format("must be {}, not '{}'{}", range.text(std::is_integral_v<T>), text,
                           overflow ? ", which is too large" : "");
    }
    number = value;
    return {};
}
template std::string read_number(const std::string&, const NumberRange&, int&);
template std::string read_number(const std::string&, const NumberRange&, std::int64_t&);
template std::string read_number(const std::string&, const NumberRange&, std::uint64_t&);
template std::string read_number(const std::string&, const NumberRange&, float&);
template std::string read_number(const std::string&, const NumberRange&, double&);

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

}  // namespace camber
