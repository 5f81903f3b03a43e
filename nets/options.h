#pragma once
#include <camber/error.h>
#include <camber/names.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace camber::nets {

/// Reads a network's options from a JSON object, strictly: every mistake is a UsageError that names the network, the
/// option and the choices. Options that are absent leave the target as it is.
class OptionReader {
  public:
    OptionReader(std::string net, const nlohmann::json& json) : net_(std::move(net)), json_(json) {
        if (!json.is_object()) fail_usage("{}: options must be a JSON object, not {}", net_, json.dump());
    }

    void integer(const char* key, int& target, int min, int max) {
        if (const auto* value = find(key)) {
            if (!value->is_number_integer() || value->get<double>() < min || value->get<double>() > max) {
                fail_value(key, *value, fmt::format("a whole number from {} to {}", min, max));
            }
            target = value->get<int>();
        }
    }

    void one_of(const char* key, int& target, const std::vector<int>& choices) {
        if (const auto* value = find(key)) {
            const auto chosen = std::find_if(choices.begin(), choices.end(), [value](int c) { return *value == c; });
            if (chosen == choices.end()) fail_value(key, *value, fmt::format("{}", fmt::join(choices, " or ")));
            target = *chosen;
        }
    }

    /// In [min, below).
    void fraction(const char* key, double& target, double min, double below) {
        if (const auto* value = find(key)) {
            if (!value->is_number() || !(value->get<double>() >= min && value->get<double>() < below)) {
                fail_value(key, *value, fmt::format("a number of at least {} and below {}", min, below));
            }
            target = value->get<double>();
        }
    }

    void flag(const char* key, bool& target) {
        if (const auto* value = find(key)) {
            if (!value->is_boolean()) fail_value(key, *value, "true or false");
            target = value->get<bool>();
        }
    }

    /// A string out of pairs of (text, value).
    template <class T>
    void choice(const char* key, T& target, const std::vector<std::pair<std::string, T>>& choices) {
        if (const auto* value = find(key)) {
            std::vector<std::string> texts;
            for (const auto& [text, meaning] : choices) {
                if (*value == text) {
                    target = meaning;
                    return;
                }
                texts.push_back(text);
            }
            fail_value(key, *value, fmt::format("{}", fmt::join(texts, ", ")));
        }
    }

    /// Call last: throws when the object holds a key that nothing above asked for.
    void finish() const {
        for (const auto& [key, value] : json_.items()) {
            if (!known_.contains(key)) {
                fail_usage("{}: unknown option '{}'{}; it has {}", net_, key,
                           did_you_mean(key, {known_.begin(), known_.end()}), fmt::join(known_, ", "));
            }
        }
    }

  private:
    const nlohmann::json* find(const char* key) {
        known_.insert(key);
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }

    [[noreturn]] void fail_value(const char* key, const nlohmann::json& value, const std::string& choices) const {
        const std::string shown = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        std::string flag = key;
        std::replace(flag.begin(), flag.end(), '_', '-');
        fail_usage("{}: option {}{} cannot be {}: it takes {}", net_, key,
                   flag == key ? std::string() : fmt::format(" (--{})", flag), shown, choices);
    }

    std::string net_;
    const nlohmann::json& json_;
    std::set<std::string> known_;
};

}  // namespace camber::nets
