#include "cli/predict_outputs.h"

#include <camber/error.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace camber::cli {
namespace {

/// A class's name in that of a file; no two become one.
std::string file_name(const std::string& class_name) {
    std::string result;
    for (const char c : class_name) {
        const bool stays = c != '/' && c != '\\' && c != '%' && static_cast<unsigned char>(c) >= 0x20;
        result += stays ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return result;
}

Output mask_of(const std::string& class_name, const ClassTable& classes) {
    const auto found = std::find(classes.names.begin(), classes.names.end(), class_name);
    if (found == classes.names.end())
        fail_usage("--write mask:{}: there is no such class{}; {} are the network's", class_name,
                   did_you_mean(class_name, classes.names), fmt::join(classes.names, ", "));
    return {OutputKind::mask, "mask:" + class_name, mask_begin + file_name(class_name) + ".png",
            static_cast<int>(found - classes.names.begin())};
}

Output output_of(const std::string& word, const std::string& text, const ClassTable& classes) {
    constexpr std::string_view mask = "mask:";
    if (word.starts_with(mask)) return mask_of(word.substr(mask.size()), classes);
    std::vector<std::string> names = names_of<OutputKind>();
    const auto found = std::find(names.begin(), names.end(), word);
    const auto kind = static_cast<OutputKind>(found - names.begin());
    if (found != names.end() && kind != OutputKind::mask) return {kind, word, ending_of(kind)};
    const std::string meant = did_you_mean(word, names);
    names.back() += ":CLASS";
    fail_usage("--write {}: '{}'{} is none of {}", text, word, meant, one_of(names));
}

}  // namespace

std::string ending_of(OutputKind kind) {
    return std::string("_") + name(kind) + (kind == OutputKind::probabilities ? ".npy" : ".png");
}

std::vector<Output> parse_outputs(const std::string& text, const ClassTable& classes) {
    std::vector<Output> outputs;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const Output output = output_of(text.substr(begin, end - begin), text, classes);
        const auto is_it = [&](const Output& other) { return other.ending == output.ending; };
        if (std::none_of(outputs.begin(), outputs.end(), is_it)) outputs.push_back(output);
        begin = end + 1;
    }
    return outputs;
}

bool has(const std::vector<Output>& outputs, OutputKind kind) {
    return std::any_of(outputs.begin(), outputs.end(), [&](const Output& output) { return output.kind == kind; });
}

std::string written_names(const std::vector<Output>& outputs) {
    std::vector<std::string> names;
    for (const Output& output : outputs) names.push_back(output.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

std::filesystem::path file_of(const Output& output, const std::filesystem::path& base) {
    return base.string() + output.ending;
}

}  // namespace camber::cli
