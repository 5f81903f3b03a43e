#pragma once
#include <camber/safetensors.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "support/compare.h"

/// Results of other libraries, see tests/fixtures/README.md.
namespace camber::testing {

/// tests/fixtures/NAME.safetensors: its cases, each with named tensors and options.
class GoldenFile {
  public:
    explicit GoldenFile(const std::string& name)
        : file_(SafetensorsFile::open(std::filesystem::path(CAMBER_TEST_FIXTURES) / (name + ".safetensors"))),
          cases_(nlohmann::json::parse(file_.metadata().at("cases"))) {}

    const nlohmann::json& cases() const { return cases_; }
    bool has(const nlohmann::json& golden, const std::string& role) const { return file_.find(key(golden, role)); }
    /// As stored.
    Tensor read(const nlohmann::json& golden, const std::string& role, Device device = Device::reference) const {
        return file_.read(key(golden, role), device);
    }
    Tensor read(const nlohmann::json& golden, const std::string& role, Dtype dtype, Device device) const {
        return converted(read(golden, role), dtype, device);
    }

  private:
    static std::string key(const nlohmann::json& golden, const std::string& role) {
        return golden.at("name").get<std::string>() + "." + role;
    }

    SafetensorsFile file_;
    nlohmann::json cases_;
};

}  // namespace camber::testing
