#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "support/command.h"

namespace camber::testing {

/// One line on standard error that begins as documented, the exit code, and all `parts` in the line.
inline void check_error(const CommandResult& result, int exit_code, std::initializer_list<const char*> parts) {
    INFO(result.errors);
    CHECK(result.exit_code == exit_code);
    CHECK(result.errors.starts_with("camber: error: "));
    CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
    for (const char* part : parts) CHECK_MESSAGE(result.errors.find(part) != std::string::npos, part);
}

}  // namespace camber::testing
