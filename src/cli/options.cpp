#include "cli/options.h"

#include <camber/error.h>
#include <camber/names.h>
#include <camber/nets.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "train/options.h"
#include "train/plan.h"

namespace camber::cli {

namespace {

/// What an option is in each network that has it: "HELP (of NETS)", said once where it is the same.
std::string help_of(const std::string& name) {
    std::vector<std::pair<std::string, std::vector<std::string>>> helps;
    for (const nets::NetInfo& net : nets::net_list()) {
        for (const nets::NetOption& option : net.options) {
            if (option.name != name) continue;
            const auto same =
                std::find_if(helps.begin(), helps.end(), [&](const auto& said) { return said.first == option.help; });
            (same == helps.end() ? helps.emplace_back(option.help, std::vector<std::string>()) : *same)
                .second.push_back(net.name);
        }
    }
    std::string text;
    for (const auto& [help, nets] : helps) {
        const bool all = nets.size() == nets::net_list().size();
        text += (text.empty() ? "" : "; ") + help + (all ? "" : fmt::format(" (of {})", fmt::join(nets, ", ")));
    }
    return text;
}

}  // namespace

void add_net_flags(CLI::App& command, std::map<std::string, std::string>& given) {
    for (const nets::NetInfo& net : nets::net_list()) {
        for (const nets::NetOption& option : net.options) {
            std::string flag = "--" + option.name;
            std::replace(flag.begin(), flag.end(), '_', '-');
            if (command.get_option_no_throw(flag)) continue;  // another network has it too
            const auto store = [&given, name = option.name](const std::string& value) { given[name] = value; };
            command.add_option_function<std::string>(flag, store, help_of(option.name))->group("Network");
        }
    }
    const auto store = [&given](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
            const std::size_t equals = text.find('=');
            given[text.substr(0, equals)] = text.substr(equals + 1);
        }
    };
    const auto check = [](const std::string& text) {
        return text.find('=') == std::string::npos ? fmt::format("takes NAME=VALUE, not '{}'", text) : std::string();
    };
    command
        .add_option_function<std::vector<std::string>>("--net-option", store,
                                                       "NAME=VALUE, an option of the network (see camber info)")
        ->check(CLI::Validator(check, ""))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Network");
}

void set_net_options(nlohmann::json& options, const std::map<std::string, std::string>& given) {
    for (const auto& [name, text] : given) {
        const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
        options[name] = parsed.is_discarded() ? nlohmann::json(text) : parsed;
    }
}

void add_folder_options(CLI::App& command, FolderOptions& options) {
    TrainConfig names;
    for (const TrainOption& option : train_options(names)) {
        if (!option.name.starts_with("source.")) continue;
        const auto set = [&options, name = option.name](const std::string& text) {
            TrainConfig taken;
            taken.source = options;
            const std::string wrong = set_train_option(taken, name, text);
            if (!wrong.empty()) throw CLI::ValidationError(name.substr(name.find('.') + 1), wrong);
            options = taken.source;
        };
        command.add_option_function<std::string>(option.flag, set, option.full_help())->group("Data");
    }
}

void refuse_unused(const FolderOptions& given, const DataFolder& data) {
    if (given.val_fraction > 0 && !data.without_effect().empty()) fail_usage("{}", data.without_effect());
}

FolderOptions folder_options(const CLI::App& command, const FolderOptions& given, const Model& model,
                             const std::string& folder) {
    const auto is_given = [&](const char* flag) { return command.count(flag) > 0; };
    FolderOptions options = folder_options(model, folder);
    if (is_given("--classes")) options.classes = given.classes;
    // What --map names are classes of --classes.
    if (is_given("--classes") || is_given("--map")) {
        options.map = given.map;
        options.map_of.clear();
    }
    if (is_given("--unknown")) options.unknown = given.unknown;
    if (is_given("--layout")) options.layout = given.layout;
    if (is_given("--val-fraction")) options.val_fraction = given.val_fraction;
    return options;
}

FolderOptions folder_options(const Model& model, const std::string& folder) {
    FolderOptions options = model.config.source;
    std::error_code error;
    const bool is_its = folder == model.config.data || std::filesystem::equivalent(folder, model.config.data, error);
    if (!is_its) {
        options.layout.clear();
        options.val_fraction = 0;
    }
    options.map_of = model.config.data;
    options.otherwise = model.classes;
    return options;
}

void take_size(Model& model, const std::string& text) {
    std::tie(model.config.height, model.config.width) = parse_size(text);
    model.config.val_height = model.config.val_width = 0;
    check_size(model.config);
}

std::string given_empty(const CLI::App& app) {
    std::vector<std::string> of_runs;  // where an empty text stands for what was not given
    TrainConfig any;
    for (const TrainOption& option : train_options(any))
        if (option.is<std::string*>()) of_runs.push_back(option.flag);
    for (const CLI::App* command : app.get_subcommands()) {
        if (const std::string name = given_empty(*command); !name.empty()) return name;
    }
    for (const CLI::Option* option : app.get_options()) {
        const std::vector<std::string>& texts = option->results();
        if (std::find(texts.begin(), texts.end(), "") == texts.end()) continue;
        const std::string name = option->get_name();
        if (std::find(of_runs.begin(), of_runs.end(), name) == of_runs.end()) return name;
    }
    return "";
}

std::string wrong_flag(const CLI::App& app, const std::vector<std::string>& arguments) {
    const CLI::App* command = &app;
    for (const std::string& argument : arguments) {
        const auto is_it = [&](const CLI::App* next) { return next->get_name() == argument; };
        if (const auto next = command->get_subcommands(is_it); !next.empty()) command = next.front();
        const std::size_t equals = argument.find('=');
        if (!argument.starts_with("--") || equals == std::string::npos) continue;
        const std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
        const CLI::Option* const option = command->get_option_no_throw(name);
        const bool is_flag = option && option->get_items_expected_max() == 0;
        if (is_flag && value != "true" && value != "false")
            return fmt::format("{} is given as it is, or as {}=false, not as {}", name, name, argument);
    }
    return "";
}

namespace {

/// The last subcommand that was given, and "camber data info --help".
std::pair<const CLI::App*, std::string> last_command(const CLI::App& app) {
    const CLI::App* command = &app;
    std::string help = "camber ";
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        help += command->get_name() + " ";
    }
    return {command, help + "--help"};
}

}  // namespace

std::string no_command(const CLI::App& app) {
    return fmt::format("a command is missing; {} lists them", last_command(app).second);
}

std::string unexpected(const CLI::App& app, const std::vector<std::string>& extra) {
    const auto [command, help] = last_command(app);
    const auto flag = std::find_if(extra.begin(), extra.end(), [](const auto& text) { return text.starts_with("-"); });
    std::vector<std::string> names;
    if (flag == extra.end()) {
        for (const CLI::App* known : command->get_subcommands({})) names.push_back(known->get_name());
        if (names.empty()) return fmt::format("'{}' was not expected; see {}", extra.front(), help);
        const std::string& word = extra.front();
        return fmt::format("there is no command '{}'{}; see {}", word, did_you_mean(word, names), help);
    }
    for (const CLI::Option* option : command->get_options()) names.push_back(option->get_name());
    const std::string name = flag->substr(0, flag->find('='));
    return fmt::format("there is no option '{}'{}; see {}", name, did_you_mean(name, names), help);
}

}  // namespace camber::cli
