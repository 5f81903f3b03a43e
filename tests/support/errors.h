#pragma once
#include <camber/error.h>

#include <functional>
#include <initializer_list>
#include <string>

namespace camber::testing {

/// What camber::Error says when `action` is run; empty when it does not throw one.
inline std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

/// Whether `text` holds every part.
inline bool mentions(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts)
        if (text.find(part) == std::string::npos) return false;
    return true;
}

}  // namespace camber::testing
