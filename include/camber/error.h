#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace camber {

/// Text of any origin as it can stand in a line that a person reads: control characters (line ends, terminal escapes,
/// changes of direction) as `\n`, `\t`, `\xNN` or `\uNNNN`, bytes that are not UTF-8 as `\xNN`, cut after 2,000 bytes.
/// What is escaped already stays as it is.
std::string one_line(std::string_view text);
bool is_utf8(std::string_view text);
/// What errno says, also when it says nothing (0).
std::string error_text(int number);

/// What every failure of the library is: the message says what was wrong, where, and what to do about it, in one line.
/// The library never prints and never exits; the command prints the message and exits with 1.
class Error : public std::runtime_error {
  public:
    explicit Error(const std::string& message) : std::runtime_error(one_line(message)) {}
};

/// Misuse: an unknown option value, network or shape the caller could have known to be wrong. The command exits with 2.
class UsageError : public Error {
  public:
    using Error::Error;
};

/// Throws Error with a formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
    throw Error(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws UsageError with a formatted message.
template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
    throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace camber
