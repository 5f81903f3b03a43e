#include "cuda/convolutions/choice_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace camber::CAMBER_GPU {
namespace {

/// By FNV-1a: names must be the same in every build.
std::string file_name(const std::string& call) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : call) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return fmt::format("{:016x}.json", hash);
}

}  // namespace

std::optional<Choice> ChoiceCache::find(const std::string& call) const {
    if (folder_.empty()) return {};
    std::ifstream in(folder_ / file_name(call));
    const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
    if (!json.is_object() || json.value("call", nlohmann::json()) != call) return {};
    try {
        return Choice{json.at("library").get<std::string>(), json.at("plan").get<std::string>(),
                      json.at("saved").get<std::string>(), json.at("milliseconds").get<double>()};
    } catch (const nlohmann::json::exception&) {
        return {};
    }
}

void ChoiceCache::keep(const std::string& call, const Choice& choice) const {
    write(file_name(call), nlohmann::json{{"call", call},
                                          {"library", choice.library},
                                          {"plan", choice.plan},
                                          {"milliseconds", choice.milliseconds},
                                          {"saved", choice.saved}}
                               .dump(1));
}

void ChoiceCache::keep_once(const std::string& name, const std::string& text) const {
    std::error_code error;
    if (!std::filesystem::exists(folder_ / name, error)) write(name, text);
}

void ChoiceCache::write(const std::string& name, const std::string& text) const {
    if (folder_.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    const std::filesystem::path beside = folder_ / fmt::format("{}.{}", name, ::getpid());
    std::ofstream out(beside);
    out << text;
    out.close();
    if (out) std::filesystem::rename(beside, folder_ / name, error);
    if (!out || error) std::filesystem::remove(beside, error);
}

std::filesystem::path choice_folder(const std::string& device, const std::string& libraries) {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value ? value : "");
    };
    std::filesystem::path root = variable("CAMBER_CACHE");
    if (root.empty() && !variable("XDG_CACHE_HOME").empty()) root = variable("XDG_CACHE_HOME") / "camber";
    if (root.empty() && !variable("HOME").empty()) root = variable("HOME") / ".cache" / "camber";
    if (root.empty()) return {};
    std::string folder = device + "-" + libraries;
    for (char& c : folder)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-') c = '-';
    return root / "convolutions" / folder;
}

}  // namespace camber::CAMBER_GPU
