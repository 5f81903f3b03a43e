#include "weights/name_map.h"

#include <camber/error.h>

#include <algorithm>

namespace camber {
namespace {

struct KerasVariable {
    std::string_view theirs, ours;
    bool of_batch_norm;
};

constexpr KerasVariable keras_variables[] = {
    {"/kernel", ".weight", false},
    {"/bias", ".bias", false},
    {"/gamma", ".weight", true},
    {"/beta", ".bias", true},
    {"/moving_mean", ".running_mean", true},
    {"/moving_variance", ".running_var", true},
};

/// A name that looks like `from` as `to`; nothing where it looks otherwise.
std::optional<std::string> replaced(const std::string& name, std::string_view from, std::string_view to) {
    const std::size_t star = from.find('*');
    if (star == std::string_view::npos) return name == from ? std::optional<std::string>(to) : std::nullopt;
    const std::string_view before = from.substr(0, star), after = from.substr(star + 1);
    if (name.size() < before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return {};
    std::string result(to);
    if (const std::size_t place = result.find('*'); place != std::string::npos) {
        result.replace(place, 1, name, before.size(), name.size() - before.size() - after.size());
    }
    return result;
}

}  // namespace

std::span<const NameSource* const> name_sources() {
    static constexpr const NameSource* all[] = {&torchvision_names, &smp_names,    &fastai_names,
                                                &keras_names,       &export_names, &camber_names};
    return all;
}

bool NameSource::is_own(std::string_view net) const {
    return std::any_of(own.begin(), own.end(), [&](std::string_view begin) { return net.starts_with(begin); });
}

std::optional<std::string> mapped_name(const NameMap& map, const std::string& name) {
    for (const NameRule& rule : map.rules) {
        const std::optional<std::string> result = replaced(name, rule.from, rule.to);
        if (!result) continue;
        if (rule.to.empty()) return std::nullopt;
        return result;
    }
    return name;
}

std::string original_name(const NameMap& map, const std::string& ours) {
    for (const NameRule& rule : map.rules) {
        if (rule.to.empty()) continue;
        if (auto result = replaced(ours, rule.to, rule.from)) return std::move(*result);
    }
    return ours;
}

std::string keras_variable(std::string_view leaf, bool batch_norm) {
    for (const KerasVariable& variable : keras_variables) {
        if (variable.ours.substr(1) == leaf && variable.of_batch_norm == batch_norm) {
            return std::string(variable.theirs.substr(1));
        }
    }
    fail("Keras's layers have nothing for a parameter '{}'", leaf);
}

std::string plain_name(Convention convention, const std::string& name) {
    if (convention == Convention::keras) {
        for (const auto& [theirs, ours, of_batch_norm] : keras_variables) {
            if (name.ends_with(theirs)) return name.substr(0, name.size() - theirs.size()) + std::string(ours);
        }
        return name;
    }
    if (convention == Convention::camber) return name;
    constexpr std::string_view wrappers[] = {"module.", "_orig_mod.", "_checkpoint_wrapped_module.",
                                             "_fsdp_wrapped_module."};
    std::string result;
    for (std::size_t begin = 0; begin < name.size();) {
        const std::size_t dot = name.find('.', begin);
        const std::string_view part =
            std::string_view(name).substr(begin, dot == std::string::npos ? dot : dot + 1 - begin);
        if (std::find(std::begin(wrappers), std::end(wrappers), part) == std::end(wrappers)) result += part;
        begin += part.size();
    }
    return result;
}

std::int64_t flattened_pixels(std::string_view name, const Shape& weight) {
    // torchvision's VGG pools to 7x7 and flattens: features, avgpool, classifier.0.
    constexpr std::int64_t pixels = 7 * 7;
    const bool vgg = name == "classifier.0.weight" && weight.rank() == 2 && weight[1] % pixels == 0;
    return vgg ? pixels : 0;
}

}  // namespace camber
