#include <camber/train.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "backend/backend.h"
#include "io/text_file.h"
#include "train/options.h"

namespace camber {
namespace {

using nlohmann::json;

/// " (did you mean 'lr'?)" of a name that no option has.
std::string meant(const std::string& name, const std::vector<TrainOption>& options,
                  const std::set<std::string>& parts) {
    std::vector<std::string> names(parts.begin(), parts.end());
    for (const TrainOption& option : options) {
        if (option.name.ends_with("." + name)) return fmt::format(" (did you mean '{}'?)", option.name);
        if (!option.is<Spelling>()) names.push_back(option.name);
        if (!option.help.empty()) names.push_back(option.spelled());
    }
    std::string like = name;
    std::replace(like.begin(), like.end(), '-', '_');
    return did_you_mean(like, names);
}

/// Fills an option from JSON, strictly.
struct Reader {
    const json& from;
    const NumberRange& range;
    const std::string& what;

    [[noreturn]] void refuse(const std::string& rule) const { fail("{} must be {}, not {}", what, rule, shown(from)); }

    void operator()(bool* to) const {
        if (!from.is_boolean()) refuse("true or false");
        *to = from.get<bool>();
    }
    void operator()(std::string* to) const {
        if (!from.is_string()) refuse("text");
        *to = from.get<std::string>();
    }
    /// An object, or a list of objects, as it is before.
    void operator()(json* to) const {
        const auto is_object = [](const json& element) { return element.is_object(); };
        if (to->is_object() && !from.is_object()) refuse("a JSON object");
        if (to->is_array() && !(from.is_array() && std::all_of(from.begin(), from.end(), is_object)))
            refuse("a list of JSON objects");
        *to = from;
    }
    template <std::integral T>
    void operator()(T* to) const {
        // Negative numbers of an unsigned field, and those beyond an int, would wrap round.
        const bool fits = from.is_number_integer() &&
                          (from.is_number_unsigned() ? std::in_range<T>(from.get<std::uint64_t>())
                                                     : std::in_range<T>(from.get<std::int64_t>())) &&
                          range.holds(from.get<double>());
        if (!fits) refuse(range.text(true));
        *to = from.get<T>();
    }
    template <std::floating_point T>
    void operator()(T* to) const {
        if (!from.is_number() || !range.holds(from.get<double>())) refuse(range.text());
        *to = from.get<T>();
    }
    void operator()(std::vector<double>* to) const {
        if (!from.is_array()) refuse("a list of numbers");
        to->resize(from.size());
        for (std::size_t i = 0; i < to->size(); ++i) Reader{from[i], range, what}(&(*to)[i]);
    }
    template <std::size_t n>
    void operator()(std::array<float, n>* to) const {
        if (!from.is_array() || from.size() != n) refuse(fmt::format("a list of {} numbers", n));
        for (std::size_t i = 0; i < n; ++i) Reader{from[i], range, what}(&(*to)[i]);
    }
    void operator()(const Choice& choice) const {
        // By strings: clang with libstdc++ 12 finds no way to compare one with a JSON value.
        const auto found =
            std::find_if(choice.names.begin(), choice.names.end(), [&](const auto& name) { return from == name; });
        if (found == choice.names.end()) refuse(one_of(choice.names));
        choice.set(static_cast<std::size_t>(found - choice.names.begin()));
    }
    void operator()(const ChoiceOrNumbers& either) const {
        if (from.is_array()) return (*this)(either.numbers);
        if (!from.is_string()) refuse(one_of(either.choice.names) + ", or a list of numbers");
        (*this)(either.choice);
        either.numbers->clear();
    }
    void operator()(const NumberOrAuto& either) const {
        if (from == "auto") {
            *either.number = 0;
        } else if (from.is_string()) {
            refuse("auto, or " + range.text(true));
        } else {
            (*this)(either.number);
        }
    }
    void operator()(const Spelling&) const {}
};

/// An option as JSON has it.
struct Writer {
    template <class T>
    json operator()(const T* value) const {
        return *value;
    }
    json operator()(const Choice& choice) const { return choice.names.at(choice.get()); }
    json operator()(const ChoiceOrNumbers& either) const {
        return either.numbers->empty() ? (*this)(either.choice) : (*this)(either.numbers);
    }
    json operator()(const NumberOrAuto& either) const {
        return *either.number > 0 ? (*this)(either.number) : json("auto");
    }
    json operator()(const Spelling&) const { return {}; }
};

/// Refuses what a configuration that was not read from JSON may hold.
struct Checker {
    const TrainOption& option;

    void operator()(const std::string* text) const {
        if (!is_utf8(*text))
            fail_usage("{} must be UTF-8, since config.json names it, which '{}' is not",
                       option.help.empty() ? option.name : option.flag, *text);
    }
    template <class T>
    void operator()(const T* number) const requires std::is_arithmetic_v<T> {
        if (!option.range.holds(static_cast<double>(*number)))
            fail_usage("{} must be {}, not {}", option.name, option.range.text(std::integral<T>), *number);
    }
    void operator()(const std::vector<double>* list) const {
        for (const double& number : *list) (*this)(&number);
    }
    void operator()(const std::array<float, 3>* list) const {
        for (const float& number : *list) (*this)(&number);
    }
    void operator()(const bool*) const {}
    void operator()(const json*) const {}
    void operator()(const Choice& choice) const {
        if (choice.get() >= choice.names.size()) fail_usage("{} must be {}", option.name, one_of(choice.names));
    }
    void operator()(const ChoiceOrNumbers& either) const {
        (*this)(either.choice);
        (*this)(either.numbers);
    }
    void operator()(const NumberOrAuto& either) const {
        if (*either.number != 0) (*this)(either.number);
    }
    void operator()(const Spelling&) const {}
};

}  // namespace

void resolve_device(TrainConfig& config) {
    if (!config.device) config.device = has_backend(Device::cuda) ? Device::cuda : Device::cpu;
    if (config.dtype) return;
    const bool bf16 = config.device == Device::cuda && backend(Device::cuda).why_not_in(Dtype::bf16).empty();
    config.dtype = bf16 ? Dtype::bf16 : Dtype::f32;
}

json to_json(const TrainConfig& config) {
    TrainConfig written = config;
    json result;
    for (const TrainOption& option : train_options(written)) {
        if (option.matters && !option.is<Spelling>()) result[option.place()] = std::visit(Writer(), option.value);
    }
    return result;
}

TrainConfig train_config(const json& from, const std::string& source) { return train_config(from, source, {}); }

TrainConfig train_config(const json& from, const std::string& source, const std::map<std::string, int>& lines) {
    TrainConfig config;
    if (!from.is_object()) fail("{} must be a JSON object, not {}", source, shown(from));
    if (from.contains("schedule")) config.schedule = {};  // constant where it names no kind
    std::set<std::string> parts;
    std::map<std::string, const TrainOption*> known;
    const std::vector<TrainOption> options = train_options(config);
    for (const TrainOption& option : options) {
        if (option.is<Spelling>()) continue;
        known.emplace(option.name, &option);
        if (const std::size_t dot = option.name.find('.'); dot != std::string::npos)
            parts.insert(option.name.substr(0, dot));
    }
    const auto place = [&](const std::string& name) {
        const auto line = lines.find(name);
        return line == lines.end() ? source : fmt::format("{} line {}", source, line->second);
    };
    const auto read = [&](const std::string& name, const json& value) {
        const auto found = known.find(name);
        if (found == known.end()) {
            fail("{}: there is no '{}'{}", place(name), name, meant(name, options, parts));
        }
        std::visit(Reader{value, found->second->range, place(name) + ": " + name}, found->second->value);
    };
    for (const auto& [name, value] : from.items()) {
        if (!parts.contains(name)) {
            read(name, value);
        } else if (!value.is_object()) {
            fail("{}: {} must be a JSON object, not {}", place(name), name, shown(value));
        } else {
            for (const auto& [field, part] : value.items()) read(fmt::format("{}.{}", name, field), part);
        }
    }
    return config;
}

void check_config(const TrainConfig& config) {
    TrainConfig checked = config;
    for (const TrainOption& option : train_options(checked)) {
        if (option.matters) std::visit(Checker{option}, option.value);
    }
}

std::vector<std::string> stage_fields() {
    TrainConfig config;
    std::vector<std::string> fields;
    for (const TrainOption& option : train_options(config)) {
        const std::string field = option.name.substr(0, option.name.find('.'));
        if (option.in_stages && (fields.empty() || fields.back() != field)) fields.push_back(field);
    }
    return fields;
}

std::size_t stage_count(const TrainConfig& config) { return std::max<std::size_t>(1, config.stages.size()); }

TrainConfig stage_config(const TrainConfig& config, std::size_t stage) {
    if (config.stages.empty()) return config;
    if (stage >= config.stages.size())
        fail("the run has {} stages, and none with number {}", config.stages.size(), stage + 1);
    json result = to_json(config);
    for (const auto& [name, value] : config.stages.at(stage).items()) {
        const std::vector<std::string> known = stage_fields();
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            fail("stage {} of the run has '{}'{}; a stage can have {}", stage + 1, name, did_you_mean(name, known),
                 fmt::join(known, ", "));
        }
        result[name] = value;
    }
    return train_config(result, fmt::format("stage {} of the run", stage + 1));
}

}  // namespace camber
