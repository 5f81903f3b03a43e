#include "train/augmentations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/text_file.h"
#include "train/options.h"

namespace camber {
namespace {

/// A name by itself asks for this: what is usual for street scenes, or elsewhere.
struct Usual {
    const char* name;
    const char* value;
};
constexpr Usual usual[] = {
    {"flip", "0.5"},        {"flip_vertical", "0.5"},
    {"scale", "0.75:2"},    {"aspect", "0.1"},
    {"rotate", "10"},       {"warp", "0.2"},
    {"brightness", "0.25"}, {"contrast", "0.25"},
    {"saturation", "0.25"}, {"hue", "0.02"},
    {"lighting", "0.2"},    {"gamma", "0.3"},
    {"clahe", "0.5"},       {"blur", "1"},
    {"noise", "0.05"},      {"emboss", "0.1"},
    {"edges", "0.1"},       {"sharpen", "0.1"},
    {"cutout", "0.5"},      {"filters_together", "true"},
};

const char* usual_value(const std::string& name) {
    const auto* found =
        std::find_if(std::begin(usual), std::end(usual), [&](const Usual& u) { return name == u.name; });
    return found == std::end(usual) ? nullptr : found->value;
}

/// Without those that --augment does not set.
std::vector<std::string> known_names() {
    TrainConfig config;
    std::vector<std::string> names = {"none", "scale"};
    for (const TrainOption& option : train_options(config)) {
        if (option.name.starts_with(augment_part) && option.name != "augment.enabled")
            names.push_back(option.name.substr(augment_part.size()));
    }
    return names;
}

void set(TrainConfig& config, const std::string& name, const std::string& value) {
    const std::string wrong = set_train_option(config, std::string(augment_part) + name, value);
    if (!wrong.empty()) fail_usage("{} {}", name, wrong);
}

}  // namespace

void parse_augmentations(const std::string& text, TrainConfig& config) {
    const std::vector<std::string> known = known_names();
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string part = text.substr(begin, end - begin), name = part.substr(0, part.find('='));
        begin = end + 1;
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            fail_usage("'{}' is no augmentation{}: give some, as flip,rotate=10, of {}", name,
                       did_you_mean(name, known), fmt::join(known, ", "));
        }
        if (name == "none") {
            if (part != name) fail_usage("none takes no value");
            config.augment = whole_frames(config.augment);
            continue;
        }
        const char* const by_itself = usual_value(name);
        if (part == name && !by_itself) fail_usage("{} wants a value, as {}=VALUE", name, name);
        const std::string value = part == name ? by_itself : part.substr(name.size() + 1);
        if (name != "scale") {
            set(config, name, value);
            continue;
        }
        const std::size_t colon = value.find(':');
        if (colon == std::string::npos) fail_usage("scale must be two numbers, as 0.75:2, not '{}'", value);
        set(config, "scale_min", value.substr(0, colon));
        set(config, "scale_max", value.substr(colon + 1));
    }
    config.augment.enabled = true;
}

}  // namespace camber
