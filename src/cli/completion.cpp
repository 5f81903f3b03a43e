#include "cli/completion.h"

#include <camber/names.h>
#include <camber/nets.h>
#include <camber/train.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "cli/commands.h"
#include "train/options.h"

namespace camber::cli {
namespace {

struct Flag {
    std::string name, help;  ///< "--lr"; a line
    bool takes_value = false;
};

/// A subcommand and all that can follow it.
struct Command {
    std::string path;                                        ///< "data info", "" for the program itself
    std::vector<std::pair<std::string, std::string>> inner;  ///< subcommands, each with its help
    std::vector<Flag> flags;
};

/// The first clause of a help text.
std::string brief(const std::string& help) { return help.substr(0, std::min(help.find_first_of(":;["), help.size())); }

void collect(const CLI::App& app, const std::string& path, std::vector<Command>& commands) {
    Command& command = commands.emplace_back();
    command.path = path;
    const auto inner = app.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* sub : inner) command.inner.emplace_back(sub->get_name(), brief(sub->get_description()));
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames())
            command.flags.push_back({"--" + name, brief(option->get_description()), option->get_expected_max() > 0});
    }
    for (const CLI::App* sub : inner)
        collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), commands);
}

/// Values of the options that have but a few, by flag.
std::map<std::string, std::vector<std::string>> choices() {
    std::map<std::string, std::vector<std::string>> found;
    TrainConfig config;
    for (const TrainOption& option : train_options(config)) {
        if (const auto* choice = std::get_if<Choice>(&option.value)) found[option.flag] = choice->names;
        if (const auto* either = std::get_if<ChoiceOrNumbers>(&option.value)) found[option.flag] = either->choice.names;
    }
    for (const TrainPreset& preset : train_presets()) found["--preset"].push_back(preset.name);
    for (const nets::NetInfo& net : nets::net_list()) found["--net"].push_back(net.name);
    for (const LayoutInfo& layout : data_layouts()) found["--layout"].push_back(layout.name);
    found["--split"] = {"train", "val", "test"};
    found["--batch"] = {"auto"};
    return found;
}

/// Flags after which a value comes that is none of a few, "--out | --data": files, for all that is known.
std::string flags_of_values(const std::vector<Command>& commands) {
    const auto known = choices();
    std::set<std::string> flags;
    for (const Command& command : commands)
        for (const Flag& flag : command.flags)
            if (flag.takes_value && !known.contains(flag.name)) flags.insert(flag.name);
    return fmt::format("{}", fmt::join(flags, " | "));
}

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

/// In bash and zsh: `command` becomes the subcommand that the words so far name.
std::string command_of_words(const std::vector<Command>& commands) {
    std::vector<std::string> known;
    for (const Command& command : commands)
        for (const auto& [name, help] : command.inner) known.push_back(quoted(command.path + " " + name));
    return fmt::format(
        "        case \"$command $word\" in\n            {}) command=\"${{command:+$command }}$word\" ;;\n"
        "        esac\n",
        fmt::join(known, " | "));
}

std::string bash(const std::vector<Command>& commands) {
    std::string text =
        "# Completion of camber for bash.\n_camber() {\n    local current=${COMP_WORDS[COMP_CWORD]} "
        "previous=${COMP_WORDS[COMP_CWORD - 1]} command='' word words=''\n"
        // --preset=c is three words.
        "    if [ \"$current\" = '=' ]; then current=''\n"
        "    elif [ \"$previous\" = '=' ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n" +
        command_of_words(commands) + "    done\n    COMPREPLY=()\n    case \"$previous\" in\n";
    for (const auto& [flag, values] : choices())
        text += fmt::format("        {}) words={} ;;\n", flag, quoted(fmt::format("{}", fmt::join(values, " "))));
    text += fmt::format("        {}) return ;;\n", flags_of_values(commands));
    text += "    esac\n    if [ -z \"$words\" ]; then\n        case \"$command\" in\n";
    for (const Command& command : commands) {
        std::vector<std::string> words;
        for (const auto& [name, help] : command.inner) words.push_back(name);
        for (const Flag& flag : command.flags) words.push_back(flag.name);
        text += fmt::format("            {}) words={} ;;\n", quoted(command.path),
                            quoted(fmt::format("{}", fmt::join(words, " "))));
    }
    // What is none of the words may be a file.
    return text +
           "        esac\n    fi\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n"
           "complete -o default -F _camber camber\n";
}

std::string zsh(const std::vector<Command>& commands) {
    std::string text =
        "#compdef camber\n# Completion of camber for zsh.\n_camber() {\n    local command='' word\n"
        "    local -a inner flags\n    for word in \"${(@)words[2,CURRENT-1]}\"; do\n" +
        command_of_words(commands) + "    done\n    case \"${words[CURRENT-1]}\" in\n";
    for (const auto& [flag, values] : choices())
        text += fmt::format("        {}) compadd -- {}; return ;;\n", flag, fmt::join(values, " "));
    text += fmt::format("        {}) _files; return ;;\n", flags_of_values(commands));
    text += "    esac\n    case \"$command\" in\n";
    const auto entry = [](const std::string& name, const std::string& help) { return quoted(name + ":" + help); };
    for (const Command& command : commands) {
        std::vector<std::string> inner, flags;
        for (const auto& [name, help] : command.inner) inner.push_back(entry(name, help));
        for (const Flag& flag : command.flags) flags.push_back(entry(flag.name, flag.help));
        text += fmt::format("        {})\n            inner=({})\n            flags=({}) ;;\n", quoted(command.path),
                            fmt::join(inner, " "), fmt::join(flags, " "));
    }
    return text +
           "    esac\n    if [[ $PREFIX == -* ]]; then\n        _describe -o option flags\n"
           "    elif (( $#inner )); then\n        _describe command inner\n    else\n        _files\n    fi\n}\n"
           "if [ \"$funcstack[1]\" = _camber ]; then _camber \"$@\"; else compdef _camber camber; fi\n";
}

std::string fish(const std::vector<Command>& commands) {
    std::string text = "# Completion of camber for fish.\n";
    const auto known = choices();
    for (const Command& command : commands) {
        const bool nested = command.path.find(' ') != std::string::npos;  // "data info" is not "info"
        const std::string so_far = nested ? "\"$(commandline -opc)[2..3]\"" : "\"$(commandline -opc)[2]\"",
                          where = command.path.empty() ? "__fish_use_subcommand"
                                                       : fmt::format("test {} = {}", so_far, quoted(command.path));
        const std::string with = "complete -c camber -n " + quoted(where);
        for (const auto& [name, help] : command.inner)
            text += fmt::format("{} -f -a {} -d {}\n", with, name, quoted(help));
        for (const Flag& flag : command.flags) {
            const auto values = known.find(flag.name);
            std::string more = flag.takes_value ? " -r" : "";
            if (flag.takes_value && values != known.end())
                more = " -x -a " + quoted(fmt::format("{}", fmt::join(values->second, " ")));
            text += fmt::format("{} -l {}{} -d {}\n", with, flag.name.substr(2), more, quoted(flag.help));
        }
    }
    return text;
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
    std::vector<Command> commands;
    collect(app, "", commands);
    if (shell == "bash") return bash(commands);
    return shell == "zsh" ? zsh(commands) : fish(commands);
}

void add_completion(CLI::App& app, Action& action) {
    CLI::App* command = app.add_subcommand("completion", "Prints what has a shell complete the command line");
    auto shell = std::make_shared<std::string>();
    const std::vector<std::string> shells = {"bash", "zsh", "fish"};
    const auto check = [shells](const std::string& text) {
        const bool known = std::find(shells.begin(), shells.end(), text) != shells.end();
        return known ? std::string() : fmt::format("must be {}, not '{}'", one_of(shells), text);
    };
    command->add_option("SHELL", *shell, one_of(shells))->required()->check(CLI::Validator(check, ""));
    command->footer("Example:\n  camber completion bash >~/.local/share/bash-completion/completions/camber");
    command->callback([&app, &action, shell] {
        action = [&app, shell] {
            fmt::print("{}", completion(app, *shell));
            return 0;
        };
    });
}

}  // namespace camber::cli
