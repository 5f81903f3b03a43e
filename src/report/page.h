#pragma once
#include <string>

#include "report/markup.h"

namespace camber::report {

/// How every report begins: tells one from other files.
inline constexpr std::string_view first_line = "<!DOCTYPE html><!-- a Camber report -->\n";

/// Seconds after which a page of a run that goes on is read again.
inline constexpr int refresh_seconds = 20;

/// A whole page, in one file: style and pictures are in it, and nothing is fetched.
std::string page(const std::string& title, const Markup& body, bool refresh = false);

/// A section with a heading that can be linked to.
Markup section(const std::string& id, const std::string& heading, const Markup& inner);

}  // namespace camber::report
