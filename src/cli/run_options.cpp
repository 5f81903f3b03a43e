#include "cli/run_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "backend/convolution_settings.h"
#include "cli/options.h"
#include "train/config_file.h"
#include "train/options.h"
#include "train/pretrained.h"

namespace camber::cli {
namespace {

constexpr const char* default_preset = "keras-unet";

/// Declares the flag of an option of a run.
void add_option(CLI::App& command, const TrainOption& option, std::map<std::string, std::string>& given) {
    const auto store = [&given, name = option.name](const std::string& text) { given[name] = text; };
    const auto check = [name = option.name](const std::string& text) {
        TrainConfig tried;
        return set_train_option(tried, name, text);
    };
    const std::string help = option.full_help();
    CLI::Option* flag = nullptr;
    if (option.is<bool*>()) {
        const bool sets = !option.flag.starts_with("--no-");
        const auto take = [=](std::int64_t count) { store((count > 0) == sets ? "true" : "false"); };
        flag = command.add_flag_function(option.flag, take, help);
    } else if (option.is<std::vector<double>*>()) {
        const auto take = [=](const std::vector<std::string>& texts) {
            store(fmt::format("{}", fmt::join(texts, ",")));
        };
        flag = command.add_option_function<std::vector<std::string>>(option.flag, take, help)->delimiter(',');
    } else {
        flag = command.add_option_function<std::string>(option.flag, store, help);
    }
    if (!option.is<bool*>()) flag->check(CLI::Validator(check, ""))->type_name(option.type());
    flag->group(option.group);
}

/// --classes 1 is the network's option, a network of one channel; other counts are the data's to say.
void take_class_count(TrainConfig& config) {
    std::string& classes = config.source.classes;
    if (classes.empty() || classes.find_first_not_of("0123456789") != std::string::npos) return;
    if (classes != "1") {
        fail_usage("--classes {}: the data says how many classes the network has; --classes TABLE makes others of them",
                   classes);
    }
    config.net_options["classes"] = 1;
    classes.clear();
}

}  // namespace

void RunOptions::declare(CLI::App& command) {
    // The last of several wins, so that a script's options can be added to.
    command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    TrainConfig defaults = train_preset(default_preset);
    for (const TrainOption& option : train_options(defaults)) {
        if (!option.help.empty()) add_option(command, option, options_);
    }
    add_net_flags(command, net_options_);
    std::string presets = "Where the options below start from";
    for (const TrainPreset& preset : train_presets()) presets += fmt::format("; {}: {}", preset.name, preset.what);
    command.add_option("--preset", preset_, fmt::format("{} [{}]", presets, default_preset));
    command.add_option("--config", config_,
                       "File of options, config.json of a run or the like in TOML: over the preset, under what is "
                       "given here");
    command
        .add_option("--conv", conv_,
                    "Convolutions on cuda: own, cudnn, cublas or auto, the fastest by measurement [auto]")
        ->group("Device");
    command.add_flag("--verbose", verbose_, "Say which convolution was chosen for every shape on cuda, and why")
        ->group("Device");
}

void RunOptions::set(TrainConfig& config) const {
    for (const auto& [name, text] : options_) set_train_option(config, name, text);
}

/// What the options begin with: the preset, and over it the file.
TrainConfig RunOptions::starting_point() const {
    if (config_.empty()) return train_preset(preset_.empty() ? default_preset : preset_);
    const ConfigFile file(config_);
    const std::string& preset = preset_.empty() ? file.preset() : preset_;
    return file.over(train_preset(preset.empty() ? default_preset : preset), !preset.empty());
}

/// What was given on the command line holds throughout, whatever the preset's stages say.
void RunOptions::hold_in_every_stage(TrainConfig& config) const {
    for (const TrainOption& option : train_options(config)) {
        if (!given(option.name)) continue;
        for (auto& stage : config.stages)
            for (const std::string& key : option.keys) stage.erase(key);
    }
}

TrainConfig RunOptions::config() const {
    TrainConfig config = starting_point();
    const TrainConfig start = config;
    const std::string net = config.net;
    if (given("epochs")) config.minutes = 0;
    set(config);
    if (config.net != net) config.net_options = nlohmann::json::object();
    const bool weights = given("weights") && !config.weights.empty();
    if (weights) check_config(config);  // before what it names is read
    const bool taken = weights && !given("net") && take_network(config);
    if (taken) set(config);
    set_net_options(config.net_options, net_options_);
    take_class_count(config);
    if (weights && !taken) {
        nlohmann::json options = nlohmann::json::object();
        set_net_options(options, net_options_);
        take_net_options(config, options);
    }
    hold_in_every_stage(config);
    refuse_without_effect(config, [&](const std::string& option) { return given(option); });
    if (!run_difference(config, start).empty()) config.decisions = nlohmann::json::array();  // another run's
    return config;
}

TrainConfig RunOptions::config_with_data() const {
    const auto need = [](bool there) {
        if (there) return;
        fail_usage("--data is missing: the folder of a dataset, as data/get_camvid.sh or `camber data synth` make one");
    };
    need(given("data") || !config_.empty());  // before a file of weights is read
    TrainConfig config = this->config();
    need(!config.data.empty());
    return config;
}

void RunOptions::choose_convolutions() const {
    if (!conv_.empty()) {
        ConvolutionSettings settings = convolution_settings();
        settings.choice = parse_convolution_choice(conv_);
        set_convolution_settings(settings);
    }
    if (verbose_) set_verbose(true);
}

}  // namespace camber::cli
