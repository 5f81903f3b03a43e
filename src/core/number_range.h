#pragma once
#include <limits>
#include <string>
#include <utility>

namespace camber {

/// The finite numbers that an option or a field takes: from `low` to `high`, both included unless open.
struct NumberRange {
    static constexpr double most = std::numeric_limits<double>::max();
    double low = -most, high = most;
    bool low_open = false, high_open = false;

    /// False for NaN and infinities, whatever the range.
    bool holds(double value) const;
    /// What messages call such numbers: "a number of at least 0 and below 1", "a whole number from 0 to 1024".
    std::string text(bool whole = false) const;
};

constexpr NumberRange at_least(double low) { return {.low = low}; }
constexpr NumberRange above(double low) { return {.low = low, .low_open = true}; }
constexpr NumberRange from_to(double low, double high) { return {.low = low, .high = high}; }
/// In [low, high).
constexpr NumberRange from_below(double low, double high) { return {.low = low, .high = high, .high_open = true}; }

/// The number that `text` is, in decimal, whole where T is: returns "", or "must be ..., not 'x'" where it is not one
/// of the range's, and leaves `number` as it is.
template <class T>
std::string read_number(const std::string& text, const NumberRange& range, T& number);

/// "256x320" as {height, width}; throws UsageError for anything else.
std::pair<int, int> parse_size(const std::string& text);

}  // namespace camber
