#pragma once
#include <camber.h>
#include <camber/error.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <functional>
#include <string>

namespace camber::c_interface {

/// An error with the code that a caller in C gets.
class StatusError : public Error {
  public:
    StatusError(camber_status status, const std::string& message) : Error(message), status_(status) {}
    camber_status status() const { return status_; }

  private:
    camber_status status_;
};

template <class... Args>
[[noreturn]] void refuse(camber_status status, fmt::format_string<Args...> format, Args&&... args) {
    throw StatusError(status, fmt::format(format, std::forward<Args>(args)...));
}

/// Runs `work` and makes a code of whatever it throws, `of_error` of an Error that has none, keeping its line for
/// camber_error_text().
camber_status guarded(camber_status of_error, const std::function<void()>& work) noexcept;

/// The size that a caller set in a struct. Throws StatusError where it did not.
template <class T>
std::size_t size_set(const T* given, const char* name) {
    if (!given) refuse(CAMBER_BAD_ARGUMENT, "the {} is a null pointer", name);
    std::size_t size = 0;
    std::memcpy(&size, given, sizeof size);
    if (size <= sizeof size) refuse(CAMBER_BAD_ARGUMENT, "struct_size is {}: set it to sizeof({})", size, name);
    return size;
}

/// What a caller gave, in a struct that may have fewer or more fields than this library's: the rest are 0. Throws
/// StatusError where a field is set that this library does not know.
template <class T>
T taken(const T* given, const char* name) {
    const std::size_t size = size_set(given, name);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
    for (std::size_t i = sizeof(T); i < size; ++i)
        if (bytes[i] != 0)
            refuse(CAMBER_BAD_ARGUMENT, "the {} asks for something that libcamber {} does not know", name,
                   camber_version());
    T known{};
    std::memcpy(&known, given, std::min(size, sizeof known));
    return known;
}

/// Fills a caller's struct but for its size, with 0 where this library knows nothing of a field.
template <class T>
void give(T* target, const T& known, const char* name) {
    const std::size_t size = size_set(target, name), begin = sizeof size, end = std::min(size, sizeof known);
    auto* const to = reinterpret_cast<unsigned char*>(target);
    std::memcpy(to + begin, reinterpret_cast<const unsigned char*>(&known) + begin, end - begin);
    std::fill(to + end, to + size, static_cast<unsigned char>(0));
}

}  // namespace camber::c_interface
