#include "report/number_text.h"

#include <camber/device.h>
#include <fmt/format.h>

#include <cmath>

namespace camber::report {

std::string percent(double share, int digits) {
    return std::isfinite(share) ? fmt::format("{:.{}f}%", 100 * share, digits) : dash;
}

std::string fixed(double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : dash;
}

std::string shortest(double value) { return std::isfinite(value) ? fmt::format("{:.3g}", value) : dash; }

std::string grouped(std::int64_t count) {
    std::string digits = fmt::format("{}", count);
    const int first = count < 0 ? 1 : 0;
    for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3)
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    return digits;
}

std::string compact(std::int64_t count) {
    const auto value = static_cast<double>(count);
    if (value >= 1e9) return fmt::format("{:.3g} G", value / 1e9);
    if (value >= 1e6) return fmt::format("{:.3g} M", value / 1e6);
    if (value >= 1e4) return fmt::format("{:.3g} k", value / 1e3);
    return grouped(count);
}

std::string bytes_text(double bytes) {
    return std::isfinite(bytes) ? camber::bytes_text(static_cast<std::int64_t>(bytes)) : dash;
}

std::string seconds_text(double seconds) {
    if (!std::isfinite(seconds)) return dash;
    if (seconds < 60) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::lround(seconds));
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace camber::report
