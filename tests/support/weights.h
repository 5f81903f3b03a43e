#pragma once
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>

namespace camber::testing {

/// That two files hold the same tensors, to the bit.
inline void check_equal_weights(const std::filesystem::path& file, const std::filesystem::path& expected) {
    const SafetensorsFile here = SafetensorsFile::open(file), there = SafetensorsFile::open(expected);
    REQUIRE(here.entries().size() == there.entries().size());
    for (const auto& entry : there.entries()) {
        const Tensor a = here.read(entry.name), b = there.read(entry.name);
        REQUIRE_MESSAGE(a.bytes() == b.bytes(), entry.name);
        CHECK_MESSAGE(std::memcmp(a.raw(), b.raw(), a.bytes()) == 0, entry.name);
    }
}

}  // namespace camber::testing
