#pragma once
#include <cstdint>
#include <string>

/// Numbers as people read them. Undefined ones (NaN) are a dash.
namespace camber::report {

inline constexpr const char* dash = "\u2013";

std::string percent(double share, int digits = 1);  ///< 0.5512: "55.1%"
std::string fixed(double value, int digits);        ///< "0.4321"
std::string shortest(double value);                 ///< "0.001", "3.2e-06"
std::string grouped(std::int64_t count);            ///< "1,234,567"
std::string compact(std::int64_t count);            ///< "1.9 M"
std::string bytes_text(double bytes);               ///< "1.34 GB"
std::string seconds_text(double seconds);           ///< "0.4 s", "3 min 12 s", "2 h 05 min"

}  // namespace camber::report
