#include "cli/description.h"

#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace camber::cli {

namespace {

Normalisation normalisation(const nlohmann::json& said, const std::string& source) {
    Normalisation result;
    const auto take = [&](const char* name, std::array<float, 3>& to, float least) {
        const auto found = said.is_object() ? said.find(name) : said.end();
        const bool three = found != said.end() && found->is_array() && found->size() == to.size();
        for (std::size_t c = 0; c < to.size(); ++c) {
            const bool number = three && (*found)[c].is_number() && std::isfinite((*found)[c].get<float>());
            if (!number || (*found)[c].get<float>() <= least)
                fail("{}: \"normalisation\" has no three numbers \"{}\"", source, name);
            to[c] = (*found)[c].get<float>();
        }
    };
    take("mean", result.mean, std::numeric_limits<float>::lowest());
    take("std", result.std, 0);
    return result;
}

}  // namespace

std::string description(const CheckpointInfo& info) {
    nlohmann::json note = nlohmann::json::object();
    for (const char* key : {"net", "net_options"})
        if (info.config.contains(key)) note[key] = info.config.at(key);
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
    if (info.config.contains("normalisation")) note["normalisation"] = info.config.at("normalisation");
    return note.dump();
}

Description described(const WeightFile& file) {
    const std::string text = file.from_camber() ? description(CheckpointFile::open(file.file()).info()) : file.note();
    Description result;
    if (text.empty()) return result;
    const std::string source = file.file().string() + " (what Camber noted in it)";
    const auto note = nlohmann::json::parse(text, nullptr, false);
    if (!note.is_object()) fail("{}: not JSON", source);
    const auto net = note.find("net"), options = note.find("net_options");
    if (net != note.end() && options != note.end()) {
        if (!net->is_string() || !options->is_object())
            fail("{}: \"net\" and \"net_options\" are not a name and its options", source);
        result.net = net->get<std::string>();
        result.net_options = *options;
    }
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
    if (const auto found = note.find("normalisation"); found != note.end()) {
        result.normalisation = normalisation(*found, source);
    }
    return result;
}

}  // namespace camber::cli
