#pragma once
#include <camber/weights.h>

#include <filesystem>
#include <string>
#include <vector>

/// What tests/fixtures/make_weight_files.py has written.
namespace camber::testing {

inline std::filesystem::path weight_fixture(const std::string& name) {
    return std::filesystem::path(CAMBER_TEST_FIXTURES) / "weights" / name;
}

/// Element `i` of the tensor `name`, by the script's formula.
inline float fixture_value(const std::string& name, std::int64_t i) {
    std::int64_t sum = 0;
    for (const char c : name) sum += static_cast<unsigned char>(c);
    return static_cast<float>((sum * 7 + i * 37) % 256 - 128) / 8;
}

inline std::vector<float> fixture_values(const std::string& name, std::int64_t count) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(fixture_value(name, i));
    return values;
}

inline std::vector<std::string> names_of(const WeightFile& file) {
    std::vector<std::string> names;
    for (const WeightEntry& entry : file.entries()) names.push_back(entry.name);
    return names;
}

}  // namespace camber::testing
