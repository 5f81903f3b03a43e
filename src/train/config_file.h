#pragma once
#include <camber/train.h>

#include <filesystem>
#include <set>
#include <string>

namespace camber {

/// A file of options (--config): config.json of a run, or what is written like it, in JSON or, where its name ends in
/// .toml, TOML. Throws Error naming the file, and the line where it is known.
class ConfigFile {
  public:
    explicit ConfigFile(const std::filesystem::path& file);

    /// The preset that it starts from, by its key "preset"; empty for none.
    const std::string& preset() const { return preset_; }
    /// Puts what the file says in place of what `base` does, field by field; its net_options beside those of `base`
    /// where `add_net_options`, else in place of them.
    TrainConfig over(const TrainConfig& base, bool add_net_options) const;

  private:
    std::string name_, preset_;
    nlohmann::json json_;
    std::map<std::string, int> lines_;
};

/// What --print-config prints and config.json holds: to_json(), a line each decision.
std::string config_text(const TrainConfig& config);

/// Of config.json a field in which the two differ and that has an influence on what a run computes; empty: none.
std::string run_difference(const TrainConfig& a, const TrainConfig& b);

}  // namespace camber
