#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

/// Enums whose values have names: one table each, from which they are written, read and listed.
namespace camber {

/// Specialised for such an enum: `what` it is, and the `list` of its names in the order of its values, from 0 on.
template <class E>
struct EnumNames;

template <class E>
concept Named = requires {
    EnumNames<E>::list;
};

/// The place of `text` among `names`; throws UsageError that lists them where it is none of them.
std::size_t find_name(const char* what, std::span<const char* const> names, const std::string& text);

template <Named E>
constexpr const char* name(E value) {
    return EnumNames<E>::list[static_cast<std::size_t>(value)];
}
/// The inverse of name(); throws UsageError for any other text.
template <Named E>
E parse(const std::string& text) {
    return static_cast<E>(find_name(EnumNames<E>::what, EnumNames<E>::list, text));
}

template <Named E>
std::vector<std::string> names_of() {
    return {std::begin(EnumNames<E>::list), std::end(EnumNames<E>::list)};
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
