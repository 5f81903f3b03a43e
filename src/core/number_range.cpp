#include "core/number_range.h"

#include <fmt/format.h>

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

}  // namespace camber
