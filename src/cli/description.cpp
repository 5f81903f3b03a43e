#include "cli/description.h"

#include <camber/error.h>

#include <algorithm>

namespace camber::cli {

std::string description(const CheckpointInfo& info) {
    nlohmann::json note = nlohmann::json::object();
    if (info.extra.contains("classes")) note["classes"] = info.extra.at("classes");
    for (const std::string size : {"height", "width"}) {
        for (const std::string& key : {size, "val_" + size})
            if (info.config.contains(key)) note[size] = info.config.at(key);
    }
    if (const auto augment = info.config.find("augment"); augment != info.config.end()) {
        if (augment->contains("interpolation")) note["interpolation"] = augment->at("interpolation");
    }
    if (const auto options = info.config.find("net_options"); options != info.config.end()) {
        if (options->contains("input")) note["input"] = options->at("input");
    }
    return note.dump();
}

Description described(const WeightFile& file) {
    const std::string text = file.from_camber() ? description(CheckpointFile::open(file.file()).info()) : file.note();
    Description result;
    if (text.empty()) return result;
    const std::string source = file.file().string() + " (what Camber noted in it)";
    const auto note = nlohmann::json::parse(text, nullptr, false);
    if (!note.is_object()) fail("{}: not JSON", source);
    if (const auto classes = note.find("classes"); classes != note.end()) {
        result.classes = parse_class_table(classes->dump(), source);
    }
    const auto size = [&](const char* name, std::optional<int>& to) {
        constexpr int largest = 65536;
        const auto found = note.find(name);
        if (found == note.end()) return;
        if (!found->is_number_integer() || *found < 1 || *found > largest) {
            fail("{}: \"{}\" is not a whole number from 1 to {}", source, name, largest);
        }
        to = found->get<int>();
    };
    size("height", result.height);
    size("width", result.width);
    if (const auto input = note.find("input"); input != note.end()) {
        if (*input != "original" && *input != "unit") fail("{}: \"input\" is neither original nor unit", source);
        result.input = input->get<std::string>();
    }
    if (const auto found = note.find("interpolation"); found != note.end()) {
        const std::vector<std::string> names = names_of<Interpolation>();
        const auto at =
            std::find_if(names.begin(), names.end(), [&](const std::string& name) { return *found == name; });
        if (at == names.end()) fail("{}: \"interpolation\" is not {}", source, one_of(names));
        result.interpolation = static_cast<Interpolation>(at - names.begin());
    }
    return result;
}

}  // namespace camber::cli
