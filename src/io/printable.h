#pragma once
#include <string>
#include <string_view>

namespace camber {

/// A name from a file as it can stand in a one-line message, whatever the file has made of it: escaped, cut to 200
/// bytes.
std::string printable(std::string_view name);

}  // namespace camber
