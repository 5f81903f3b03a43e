#pragma once
#include <camber/train.h>

#include <functional>
#include <map>
#include <string_view>
#include <variant>

#include "core/number_range.h"

/// The options of a run, a row each in one table (options.cpp). What is written to JSON, read, checked, may differ
/// between stages and is offered on the command line, with its help, all comes from there.
namespace camber {

/// A field that holds one of a few values with names.
struct Choice {
    std::vector<std::string> names;
    std::function<std::size_t()> get;
    std::function<void(std::size_t)> set;
};

/// A text of the command line that sets several fields.
struct Spelling {
    std::function<std::string()> get;
    std::function<void(const std::string&)> set;  ///< throws UsageError
};

/// A field that holds one of a few values with names, or numbers in their place, which a file can give.
struct ChoiceOrNumbers {
    Choice choice;
    std::vector<double>* numbers;
};

/// A whole number, or "auto" for what a run chooses when it begins, which is 0 in the field.
struct NumberOrAuto {
    int* number;
};

/// A row, bound to a configuration.
struct TrainOption {
    std::string name;  ///< "lr"; "loss.dice" is `dice` in JSON's object `loss`
    std::variant<bool*, int*, std::int64_t*, std::uint64_t*, float*, double*, std::string*, std::vector<double>*,
                 std::array<float, 3>*, nlohmann::json*, Choice, ChoiceOrNumbers, NumberOrAuto, Spelling>
        value;
    NumberRange range;              ///< of numbers
    std::string help;               ///< empty: not on the command line
    std::string group, flag;        ///< there
    std::string otherwise;          ///< what help says of the default where that is not the value
    NumberRange given_range;        ///< of numbers that the command line takes
    std::vector<std::string> keys;  ///< of JSON that it sets
    bool in_stages = false;         ///< whether a stage can have it
    bool matters = true;            ///< to the configuration as it is; what does not is not written
    /// Whether it leaves alone what a run computes, so that it may change when the run goes on.
    bool beside = false;
    std::string lacks;  ///< why it has no effect on what the configuration computes; empty: it has one

    template <class T>
    bool is() const {
        return std::holds_alternative<T>(value);
    }
    /// Sets the value to what a text of the command line says. Returns "", or what the value must be and is not.
    std::string take(const std::string& text) const;
    /// What help calls its values: "INT".
    const char* type() const;
    /// Where JSON has it.
    nlohmann::json::json_pointer place() const;
    /// Its flag as a name: "lr_gamma" of --lr-gamma.
    std::string spelled() const;
    /// The help of its flag, with choices and default.
    std::string full_help() const;
};

/// What the names of the augmentations' rows begin with.
inline constexpr std::string_view augment_part = "augment.";

/// The table, for `config`, which must outlive it.
std::vector<TrainOption> train_options(TrainConfig& config);

/// As train_config(), with the lines of a text that is named `source` in which options stand, by their names.
TrainConfig train_config(const nlohmann::json& json, const std::string& source,
                         const std::map<std::string, int>& lines);

/// Throws UsageError, saying why, for an option among those `given` that has no effect in any stage.
void refuse_without_effect(const TrainConfig& config, const std::function<bool(const std::string&)>& given);

/// Sets the option called `name` as TrainOption::take() does.
std::string set_train_option(TrainConfig& config, const std::string& name, const std::string& text);

}  // namespace camber
