#include "data/division.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace camber {
namespace {

/// FNV-1a and a last mixing, since names differ little.
std::uint64_t hash_of(const std::string& name) {
    std::uint64_t hash = 0xCBF29CE484222325ull;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    hash ^= hash >> 33;
    hash *= 0xFF51AFD7ED558CCDull;
    return hash ^ hash >> 33;
}

}  // namespace

std::vector<bool> held_for_validation(const std::vector<std::string>& names, double fraction) {
    std::vector<bool> held(names.size());
    if (names.size() < 2) return held;
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < names.size(); ++i) order.emplace_back(hash_of(names[i]), i);
    std::sort(order.begin(), order.end());
    const auto count = static_cast<double>(names.size());
    const auto wanted = static_cast<std::size_t>(std::clamp(std::round(count * fraction), 1.0, count - 1));
    for (std::size_t i = 0; i < wanted; ++i) held[order[i].second] = true;
    return held;
}

}  // namespace camber
