#pragma once
#include <camber/nets.h>
#include <fmt/format.h>

#include "options.h"

namespace camber::nets {

/// Declares a network's options once: each call reads the value given (when there is one to read) into its target and
/// notes name, resulting value and help. A network's options are a struct O and a function visit(OptionList&, O&).
class OptionList {
  public:
    /// `reader` may be null: then the targets keep their values.
    explicit OptionList(OptionReader* reader) : reader_(reader) {}

    void integer(const char* key, int& target, int min, int max, const std::string& help) {
        if (reader_) reader_->integer(key, target, min, max);
        note(key, target, help);
    }
    void one_of(const char* key, int& target, const std::vector<int>& choices, const std::string& help) {
        if (reader_) reader_->one_of(key, target, choices);
        note(key, target, fmt::format("{}: {}", help, fmt::join(choices, " or ")));
    }
    /// In [min, below).
    void fraction(const char* key, double& target, double min, double below, const std::string& help) {
        if (reader_) reader_->fraction(key, target, min, below);
        note(key, target, help);
    }
    void flag(const char* key, bool& target, const std::string& help) {
        if (reader_) reader_->flag(key, target);
        note(key, target, help + ": true or false");
    }
    template <class T>
    void choice(const char* key, T& target, const std::vector<std::pair<std::string, T>>& choices,
                const std::string& help) {
        if (reader_) reader_->choice(key, target, choices);
        std::vector<std::string> texts;
        nlohmann::json chosen;
        for (const auto& [text, meaning] : choices) {
            texts.push_back(text);
            if (meaning == target) chosen = text;
        }
        if constexpr (std::is_same_v<T, std::string>) chosen = target;
        note(key, chosen, fmt::format("{}: {}", help, camber::one_of(texts)));
        options_.back().choices = std::move(texts);
    }

    const std::vector<NetOption>& options() const { return options_; }

  private:
    void note(const char* key, nlohmann::json value, const std::string& help) {
        options_.push_back({key, std::move(value), help});
    }

    OptionReader* reader_;
    std::vector<NetOption> options_;
};

/// `options` with what `json` gives. Throws UsageError naming the network, the option and the choices.
template <class O>
O read_options(const char* net, const nlohmann::json& json, O options = {}) {
    OptionReader reader(net, json);
    OptionList list(&reader);
    visit(list, options);
    reader.finish();
    return options;
}

template <class O>
nlohmann::json options_json(O options) {
    OptionList list(nullptr);
    visit(list, options);
    nlohmann::json json = nlohmann::json::object();
    for (const NetOption& option : list.options()) json[option.name] = option.value;
    return json;
}

/// The registry's entry of a network class N constructed from (name, options). `name` must outlive it.
template <class N, class O>
NetInfo info_of(const char* name, std::string description, O defaults = {}) {
    OptionList list(nullptr);
    O shown = defaults;
    visit(list, shown);
    return {name, std::move(description), list.options(), [name, defaults](const nlohmann::json& json) {
                return std::make_unique<N>(name, read_options<O>(name, json, defaults));
            }};
}

}  // namespace camber::nets
