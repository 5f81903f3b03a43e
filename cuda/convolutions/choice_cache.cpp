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

/// Of the files: raised when what they mean changes, or what Camber's own kernels take.
constexpr int format = 3;

using nlohmann::json;

json number(const std::optional<double>& value) { return value ? json(*value) : json(); }

std::optional<double> number(const json& value) {
    return value.is_null() ? std::optional<double>() : value.get<double>();
}

}  // namespace

std::optional<Choice> ChoiceCache::find(const std::string& call) const {
    if (folder_.empty()) return {};
    std::ifstream in(folder_ / file_name(call));
    const json kept = json::parse(in, nullptr, false);
    if (!kept.is_object() || kept.value("call", json()) != call || kept.value("format", json()) != format) return {};
    try {
        Choice choice{.library = kept.at("library"),
                      .plan = kept.at("plan"),
                      .saved = kept.at("saved"),
                      .milliseconds = kept.at("milliseconds"),
                      .error = number(kept.value("error", json())),
                      .own_milliseconds = kept.at("own_milliseconds"),
                      .planning_seconds = kept.at("planning_seconds"),
                      .tried = {}};
        for (const json& tried : kept.at("tried"))
            choice.tried.push_back({.library = tried.at("library"),
                                    .plan = tried.at("plan"),
                                    .milliseconds = number(tried.at("milliseconds")),
                                    .error = number(tried.at("error")),
                                    .outcome = tried.at("outcome")});
        return choice;
    } catch (const json::exception&) {
        return {};
    }
}

void ChoiceCache::keep(const std::string& call, const Choice& choice) const {
    json tried = json::array();
    for (const Attempt& attempt : choice.tried)
        tried.push_back({{"library", attempt.library},
                         {"plan", attempt.plan},
                         {"milliseconds", number(attempt.milliseconds)},
                         {"error", number(attempt.error)},
                         {"outcome", attempt.outcome}});
    json kept = {{"format", format},
                 {"call", call},
                 {"library", choice.library},
                 {"plan", choice.plan},
                 {"saved", choice.saved},
                 {"milliseconds", choice.milliseconds},
                 {"own_milliseconds", choice.own_milliseconds},
                 {"planning_seconds", choice.planning_seconds},
                 {"tried", tried}};
    if (choice.error) kept["error"] = *choice.error;
    // What libraries say of themselves need not be UTF-8.
    write(file_name(call), kept.dump(1, ' ', false, json::error_handler_t::replace));
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
