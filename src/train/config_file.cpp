#include "train/config_file.h"

#include <fmt/format.h>

#include "core/lower.h"
#include "io/text_file.h"
#include "io/toml_file.h"
#include "train/options.h"

namespace camber {
namespace {

using nlohmann::json;

/// A run of 100,000 epochs by the clock has some hundred decisions.
constexpr std::uint64_t most_bytes = 1 << 20;

/// The fields of both, those of `over` where both have them.
json merged(json base, const json& over) {
    for (const auto& [name, value] : over.items()) {
        json& field = base[name];
        field = name != "net_options" && field.is_object() && value.is_object() ? merged(field, value) : value;
    }
    return base;
}

}  // namespace

ConfigFile::ConfigFile(const std::filesystem::path& file) : name_(file.string()) {
    const std::string text = read_text(file, most_bytes);
    const std::string kind = lower(file.extension().string());
    if (kind == ".yaml" || kind == ".yml") fail("{}: options are read from JSON and TOML, not from YAML", name_);
    if (kind == ".toml") {
        TomlText toml = parse_toml(text, name_);
        json_ = std::move(toml.json);
        lines_ = std::move(toml.lines);
    } else {
        json_ = parse_json(text, name_, "a configuration");
    }
    if (!json_.is_object()) fail("{} must be a JSON object, not {}", name_, shown(json_));
    if (const auto preset = json_.find("preset"); preset != json_.end()) {
        if (!preset->is_string()) fail("{}: preset must be text, not {}", name_, shown(*preset));
        preset_ = preset->get<std::string>();
        json_.erase(preset);
        try {
            train_preset(preset_);
        } catch (const UsageError& error) {
            fail("{}: {}", name_, error.what());
        }
    }
    if (json_.contains("camber") && json_.contains("layers"))
        fail("{}: says how a run went; its options are in config.json beside it", name_);
    TrainConfig any;
    for (const TrainOption& option : train_options(any)) take_spelled(option);
    if (json_.contains("width") != json_.contains("height")) {
        fail(
            "{}: width and height of the network's input want one another, as size = \"192x256\"; the network's own "
            "width is in net_options",
            name_);
    }
}

std::string ConfigFile::place(const std::string& name) const {
    const auto line = lines_.find(name);
    return line == lines_.end() ? name_ : fmt::format("{} line {}", name_, line->second);
}

void ConfigFile::take_spelled(const TrainOption& option) {
    const std::string name = option.spelled();
    const auto found = json_.find(name);
    if (found == json_.end() || option.help.empty()) return;
    const bool is_text = found->is_string();
    const bool is_list = option.is<ChoiceOrNumbers>() || option.is<std::vector<double>*>();
    if (name == option.name && !option.is<Spelling>() && !(is_list && is_text)) return;  // as JSON has it
    if (option.is<bool*>() || !(is_text || found->is_number())) {
        if (!option.is<Spelling>() || found->is_object()) return;
        fail("{}: {} is a text, as the command line has it, not {}", place(name), name, shown(*found));
    }
    const auto refuse_beside = [&](const std::string& other) {
        fail("{}: {} and {} say the same: leave out one of them", name_, name, other);
    };
    for (const std::string& key : option.keys)
        if (option.is<Spelling>() && key != name && json_.contains(key) && !json_[key].is_object()) refuse_beside(key);
    if (option.name != name && json_.contains(option.place())) refuse_beside(option.name);
    spelled_.push_back({name, option.name, is_text ? found->get<std::string>() : found->dump(), option.keys});
    json_.erase(found);
}

TrainConfig ConfigFile::over(const TrainConfig& base, bool add_net_options) const {
    json fields = to_json(base);
    // What chooses the length of the preset's run goes where the file chooses it otherwise.
    if (json_.contains("epochs") && !json_.contains("minutes")) fields["minutes"] = 0.0;
    json net_options = fields["net_options"];
    if (json_.contains("net") && json_["net"] != fields["net"]) {
        fields["net_options"] = net_options = json::object();
    }
    if (!json_.contains("stages")) {
        for (json& stage : fields["stages"]) {
            for (const auto& [name, value] : json_.items()) stage.erase(name);
            for (const Spelled& spelled : spelled_)
                for (const std::string& key : spelled.keys) stage.erase(key);
        }
    }
    fields = merged(std::move(fields), json_);
    if (add_net_options && fields["net_options"].is_object()) {
        net_options.update(fields["net_options"]);
        fields["net_options"] = std::move(net_options);
    }
    TrainConfig config = train_config(fields, name_, lines_);
    for (const auto& [name, option, text, keys] : spelled_) {
        const std::string wrong = set_train_option(config, option, text);
        if (!wrong.empty()) fail("{}: {} {}", place(name), name, wrong);
    }
    if (config.minutes > 0 && json_.contains("epochs"))
        fail("{}: epochs has no effect with minutes, which ends the run: leave out one of them", name_);
    try {
        for (std::size_t i = 0; i < stage_count(config); ++i) stage_config(config, i);
    } catch (const Error& error) {
        fail("{}: {}", name_, error.what());
    }
    return config;
}

std::string config_text(const TrainConfig& config) {
    json fields = to_json(config);
    std::string lines;
    for (const json& decision : config.decisions) lines += (lines.empty() ? "\n    " : ",\n    ") + decision.dump();
    if (!lines.empty()) fields["decisions"] = json::array();
    std::string text = fields.dump(2) + "\n";
    constexpr std::string_view place = "\"decisions\": [";
    if (!lines.empty()) text.insert(text.find(place) + place.size(), lines + "\n  ");
    return text;
}

std::string run_difference(const TrainConfig& a, const TrainConfig& b) {
    json left = to_json(a), right = to_json(b);
    TrainConfig any;
    for (const TrainOption& option : train_options(any)) {
        if (!option.beside) continue;
        left.erase(option.name);
        right.erase(option.name);
    }
    for (const json* fields : {&left, &right})
        for (const auto& [name, value] : fields->items())
            if (left.value(name, json()) != right.value(name, json())) return name;
    return "";
}

}  // namespace camber
