#pragma once
#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/number_range.h"

namespace camber::cli {

/// A check of an option's text: a finite number of `range`, in decimal, and a whole one where T is integral.
template <class T>
CLI::Validator number_check(const NumberRange& range);
extern template CLI::Validator number_check<int>(const NumberRange&);
extern template CLI::Validator number_check<std::uint64_t>(const NumberRange&);
extern template CLI::Validator number_check<float>(const NumberRange&);
extern template CLI::Validator number_check<double>(const NumberRange&);

/// Declares an option that takes a number of `range`; every option with a number is declared by this.
template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& target, const NumberRange& range,
                        const std::string& help) {
    return command.add_option(name, target, help)->check(number_check<T>(range));
}
/// The same for a list of numbers.
template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, std::vector<T>& target, const NumberRange& range,
                        const std::string& help) {
    return command.add_option(name, target, help)->check(number_check<T>(range));
}

/// "256x320" as {height, width}; throws UsageError for anything else.
std::pair<int, int> parse_size(const std::string& text);

/// Sets options[name] to `value`: JSON where it parses as that (16, true, 0.5), else text.
void set_net_option(nlohmann::json& options, const std::string& name, const std::string& value);
/// The same for "width=32"; throws UsageError without an equals sign.
void set_net_option(nlohmann::json& options, const std::string& text);
/// Declares a flag for every option of every network ("up_kernel" is --up-kernel), but for those that `command` has
/// already. What is given goes to `given`, which must live as long as `command`, under the network's name for it.
void add_net_flags(CLI::App& command, std::map<std::string, std::string>& given);

}  // namespace camber::cli
