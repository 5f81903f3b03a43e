#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <vector>

/// Enums whose values have names: one table each, from which they are written, read and listed.
namespace camber {

/// Specialised for such an enum: the names in the order of its values, from 0 on.
template <class E>
inline constexpr std::array<const char*, 0> enum_names = {};
template <class E>
concept Named = !enum_names<E>.empty();

template <Named E>
constexpr const char* name(E value) {
    return enum_names<E>[static_cast<std::size_t>(value)];
}
template <Named E>
std::vector<std::string> names_of() {
    return {enum_names<E>.begin(), enum_names<E>.end()};
}
/// Of some of the values.
template <class E, std::size_t n>
std::vector<std::string> names_of(const E (&values)[n]) {
    std::vector<std::string> names;
    for (const E value : values) names.push_back(name(value));
    return names;
}

/// "sgd, adam or adamw".
std::string one_of(const std::vector<std::string>& names);
/// " (did you mean 'lr'?)", empty where no name is much like `text`.
std::string did_you_mean(const std::string& text, const std::vector<std::string>& names);

}  // namespace camber
