#include <camber/train.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "backend/backend.h"
#include "io/text_file.h"
#include "train/config_fields.h"

namespace camber {
namespace {

using nlohmann::json;

template <class T>
concept Part = FieldsOf<T, AugmentConfig> || FieldsOf<T, Normalisation> || FieldsOf<T, SegmentationLossParams>;
template <class T>
concept Value = !Part<T>;

/// Makes the JSON of a configuration.
class Writer {
  public:
    explicit Writer(json& to) : to_(to) {}
    template <Value T>
    void operator()(const char* name, const T& field, const NumberRange& = {}) const {
        to_[name] = field;
    }
    template <Part T>
    void operator()(const char* name, const T& part) const {
        visit_fields(part, Writer(to_[name]));
    }

  private:
    json& to_;
};

/// Fills a configuration from JSON, strictly. Fields left out stay as they are.
class Reader {
  public:
    /// `what` is what messages call the object, and `separator` what stands between that and a field's name.
    Reader(const json& from, const std::string& what, const char* separator = ": ")
        : from_(from), prefix_(what + separator) {
        if (!from.is_object()) fail("{} must be a JSON object, not {}", what, shown(from));
    }

    template <Value T>
    void operator()(const char* name, T& field, const NumberRange& range = {}) const {
        if (from_.contains(name)) read(from_[name], field, range, prefix_ + name);
    }
    template <Part T>
    void operator()(const char* name, T& part) const {
        if (from_.contains(name)) visit_fields(part, Reader(from_[name], prefix_ + name, "."));
    }

  private:
    [[noreturn]] static void refuse(const std::string& what, const std::string& rule, const json& value) {
        fail("{} must be {}, not {}", what, rule, shown(value));
    }

    static void read(const json& value, bool& field, const NumberRange&, const std::string& what) {
        if (!value.is_boolean()) refuse(what, "true or false", value);
        field = value.get<bool>();
    }
    static void read(const json& value, std::string& field, const NumberRange&, const std::string& what) {
        if (!value.is_string()) refuse(what, "text", value);
        field = value.get<std::string>();
    }
    static void read(const json& value, json& field, const NumberRange&, const std::string&) { field = value; }
    template <std::integral T>
    static void read(const json& value, T& field, const NumberRange& range, const std::string& what) {
        // Negative numbers of an unsigned field, and those beyond an int, would wrap round.
        const bool fits = value.is_number_integer() &&
                          (value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                                      : std::in_range<T>(value.get<std::int64_t>())) &&
                          range.holds(value.get<double>());
        if (!fits) refuse(what, range.text(true), value);
        field = value.get<T>();
    }
    template <std::floating_point T>
    static void read(const json& value, T& field, const NumberRange& range, const std::string& what) {
        if (!value.is_number() || !range.holds(value.get<double>())) refuse(what, range.text(), value);
        field = value.get<T>();
    }
    static void read(const json& value, std::vector<double>& field, const NumberRange& range, const std::string& what) {
        if (!value.is_array()) refuse(what, "a list of numbers", value);
        field.resize(value.size());
        for (std::size_t i = 0; i < field.size(); ++i) read(value[i], field[i], range, what);
    }
    template <std::size_t n>
    static void read(const json& value, std::array<float, n>& field, const NumberRange& range,
                     const std::string& what) {
        if (!value.is_array() || value.size() != n) refuse(what, fmt::format("a list of {} numbers", n), value);
        for (std::size_t i = 0; i < n; ++i) read(value[i], field[i], range, what);
    }

    const json& from_;
    const std::string prefix_;
};

/// Refuses what a configuration that was not read from JSON may hold.
class Checker {
  public:
    explicit Checker(std::string prefix = {}) : prefix_(std::move(prefix)) {}

    template <Value T>
    void operator()(const char* name, const T& field, const NumberRange& range = {}) const {
        check(prefix_ + name, field, range);
    }
    template <Part T>
    void operator()(const char* name, const T& part) const {
        visit_fields(part, Checker(prefix_ + name + "."));
    }

  private:
    static void check(const std::string&, bool, const NumberRange&) {}
    static void check(const std::string&, const json&, const NumberRange&) {}
    static void check(const std::string& name, const std::string& text, const NumberRange&) {
        if (!is_utf8(text)) fail_usage("{} must be UTF-8, since config.json names it, which '{}' is not", name, text);
    }
    template <class T>
    requires std::is_arithmetic_v<T>
    static void check(const std::string& name, T number, const NumberRange& range) {
        if (!range.holds(static_cast<double>(number)))
            fail_usage("{} must be {}, not {}", name, range.text(std::integral<T>), number);
    }
    template <class List>
    requires requires(const List& list) {
        list.size();
    } &&(!std::same_as<List, json>)static void check(const std::string& name, const List& list,
                                                     const NumberRange& range) {
        for (const auto number : list) check(name, number, range);
    }

    const std::string prefix_;
};

/// Finds what a number can be.
class Finder {
  public:
    Finder(std::string wanted, std::optional<NumberRange>& found, std::string prefix = {})
        : wanted_(std::move(wanted)), found_(found), prefix_(std::move(prefix)) {}

    template <class T>
    void operator()(const char* name, const T&, const NumberRange& range) const {
        if (prefix_ + name == wanted_) found_ = range;
    }
    template <Value T>
    void operator()(const char*, const T&) const {}
    template <Part T>
    void operator()(const char* name, const T& part) const {
        visit_fields(part, Finder(wanted_, found_, prefix_ + name + "."));
    }

  private:
    const std::string wanted_;
    std::optional<NumberRange>& found_;
    const std::string prefix_;
};

}  // namespace

NumberRange train_number(const std::string& name) {
    std::optional<NumberRange> found;
    const TrainConfig config;
    visit_fields(config, Finder(name, found));
    if (!found) fail_usage("a run's configuration has no number '{}'", name);
    return *found;
}

void resolve_device(TrainConfig& config) {
    if (config.device == "auto") config.device = has_backend(Device::cuda) ? "cuda" : "cpu";
    if (config.dtype == "auto")
        config.dtype =
            config.device == "cuda" && backend(Device::cuda).why_not_in(Dtype::bf16).empty() ? "bf16" : "f32";
}

json to_json(const TrainConfig& config) {
    json result;
    visit_fields(config, Writer(result));
    result["schedule"] = schedule_to_json(config.schedule);
    return result;
}

TrainConfig train_config(const json& from, const std::string& source) {
    TrainConfig config;
    visit_fields(config, Reader(from, source));
    try {
        if (from.contains("schedule")) config.schedule = schedule_from_json(from.at("schedule"));
    } catch (const UsageError& error) {
        fail("{}: {}", source, error.what());
    }
    return config;
}

void check_config(const TrainConfig& config) { visit_fields(config, Checker()); }

const std::vector<std::string>& stage_fields() {
    static const std::vector<std::string> fields = {
        "epochs",       "epoch_batches", "height",       "width",          "batch",
        "accumulate",   "augment",       "lr",           "encoder_lr",     "clip",
        "weight_decay", "schedule",      "lr_step_size", "freeze_encoder", "freeze_batch_norms"};
    return fields;
}

std::size_t stage_count(const TrainConfig& config) { return std::max<std::size_t>(1, config.stages.size()); }

TrainConfig stage_config(const TrainConfig& config, std::size_t stage) {
    if (config.stages.empty()) return config;
    if (stage >= config.stages.size())
        fail("the run has {} stages, and none with number {}", config.stages.size(), stage + 1);
    json result = to_json(config);
    for (const auto& [name, value] : config.stages.at(stage).items()) {
        const auto& known = stage_fields();
        if (std::find(known.begin(), known.end(), name) == known.end())
            fail("stage {} of the run has '{}': a stage can have {}", stage + 1, name, fmt::join(known, ", "));
        result[name] = value;
    }
    return train_config(result, fmt::format("stage {} of the run", stage + 1));
}

}  // namespace camber
