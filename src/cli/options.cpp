#include "cli/options.h"

#include <camber/error.h>
#include <camber/nets.h>

#include <algorithm>
#include <charconv>
#include <type_traits>

namespace camber::cli {

template <class T>
CLI::Validator number_check(const NumberRange& range) {
    constexpr bool whole = std::is_integral_v<T>;
    const auto check = [range](std::string& text) {
        T value{};
        const char* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, value);
        if (error != std::errc() || rest != end || !range.holds(static_cast<double>(value)))
            return fmt::format("must be {}, not '{}'", range.text(whole), text);
        // CLI11 would read 010 as 8.
        if constexpr (whole) text = std::to_string(value);
        return std::string();
    };
    return CLI::Validator(check, "");
}
template CLI::Validator number_check<int>(const NumberRange&);
template CLI::Validator number_check<std::uint64_t>(const NumberRange&);
template CLI::Validator number_check<float>(const NumberRange&);
template CLI::Validator number_check<double>(const NumberRange&);

std::pair<int, int> parse_size(const std::string& text) {
    int height = 0, width = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, height);
    if (first.ec == std::errc() && first.ptr != end && *first.ptr == 'x') {
        const auto second = std::from_chars(first.ptr + 1, end, width);
        if (second.ec == std::errc() && second.ptr == end && height > 0 && width > 0) return {height, width};
    }
    fail_usage("'{}' is not a size: HEIGHTxWIDTH, for example 256x320", text);
}

void set_net_option(nlohmann::json& options, const std::string& name, const std::string& value) {
    const nlohmann::json parsed = nlohmann::json::parse(value, nullptr, false);
    options[name] = parsed.is_discarded() ? nlohmann::json(value) : parsed;
}

void set_net_option(nlohmann::json& options, const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) fail_usage("--net-option takes NAME=VALUE, not '{}'", text);
    set_net_option(options, text.substr(0, equals), text.substr(equals + 1));
}

void add_net_flags(CLI::App& command, std::map<std::string, std::string>& given) {
    for (const nets::NetInfo& net : nets::net_list()) {
        for (const nets::NetOption& option : net.options) {
            std::string flag = "--" + option.name;
            std::replace(flag.begin(), flag.end(), '_', '-');
            if (command.get_option_no_throw(flag)) continue;  // another network has it too
            const auto store = [&given, name = option.name](const std::string& value) { given[name] = value; };
            command.add_option_function<std::string>(flag, store, option.help)->group("Network");
        }
    }
}

}  // namespace camber::cli
