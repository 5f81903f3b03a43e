#pragma once
#include <camber/train.h>

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/number_range.h"

namespace camber::cli {

/// Of an option that takes numbers of `range`.
template <class T>
CLI::Validator number_of(const NumberRange& range) {
    const auto check = [range](std::string& text) {
        T number{};
        const std::string wrong = read_number(text, range, number);
        // CLI11 would read 010 as 8.
        if (std::is_integral_v<T> && wrong.empty()) text = std::to_string(number);
        return wrong;
    };
    return CLI::Validator(check, "");
}

/// Declares an option that takes a number of `range`.
template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& target, const NumberRange& range,
                        const std::string& help) {
    return command.add_option(name, target, help)->check(number_of<T>(range));
}

/// Declares a flag for every option of every network ("up_kernel" is --up-kernel), but for those that `command` has
/// already, and --net-option, which goes before them. What is given goes to `given`, which must live as long as
/// `command`, under the network's name for it.
void add_net_flags(CLI::App& command, std::map<std::string, std::string>& given);
/// Sets what was given: each as JSON where it parses as that (16, true, 0.5), else as text.
void set_net_options(nlohmann::json& options, const std::map<std::string, std::string>& given);

/// Declares --layout, --classes, --map, --unknown and --val-fraction.
void add_folder_options(CLI::App& command, FolderOptions& options);
/// Throws UsageError for an option that is given and has no effect on the dataset.
void refuse_unused(const FolderOptions& given, const DataFolder& data);
/// What is given to `command`, empty texts too, and for the rest how the network's own data was read, so that classes
/// agree.
FolderOptions folder_options(const CLI::App& command, const FolderOptions& given, const Model& model,
                             const std::string& folder);
/// The same where nothing is given.
FolderOptions folder_options(const Model& model, const std::string& folder);

/// Has the network take pictures of the size that --size says. Throws UsageError for one that it does not take.
void take_size(Model& model, const std::string& text);

/// What to say of a flag among the arguments that is given a value which is no truth value; empty: nothing.
std::string wrong_flag(const CLI::App& app, const std::vector<std::string>& arguments);

/// The name of an option or argument that was given as an empty text, where that says nothing; empty: none.
std::string given_empty(const CLI::App& app);

/// What to say where a subcommand is missing.
std::string no_command(const CLI::App& app);

/// What to say of an argument that the command line's last (sub)command does not take, `extra` being all of those.
std::string unexpected(const CLI::App& app, const std::vector<std::string>& extra);

}  // namespace camber::cli
