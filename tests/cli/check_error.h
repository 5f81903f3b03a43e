#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "support/command.h"

namespace camber::testing {

inline bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// One line on standard error that begins as documented, the exit code, and all `parts` in the line.
inline void check_error(const CommandResult& result, int exit_code, std::initializer_list<const char*> parts) {
    INFO(result.errors);
    CHECK(result.exit_code == exit_code);
    CHECK(result.errors.starts_with("camber: error: "));
    CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
    for (const char* part : parts) CHECK_MESSAGE(says(result.errors, part), part);
}

}  // namespace camber::testing
