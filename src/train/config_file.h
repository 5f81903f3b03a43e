#pragma once
#include <camber/train.h>

#include <filesystem>
#include <map>
#include <string>

namespace camber {

struct TrainOption;

/// A file of options (--config): config.json of a run, or what is written like it, in JSON or, where its name ends in
/// .toml, TOML. What the command line spells as one text may be spelled so there too: size = "192x256". Throws Error
/// naming the file, and the line where it is known.
class ConfigFile {
  public:
    explicit ConfigFile(const std::filesystem::path& file);

    /// The preset that it starts from, by its key "preset"; empty for none.
    const std::string& preset() const { return preset_; }
    /// Puts what the file says in place of what `base` does, field by field; its net_options beside those of `base`
    /// where `add_net_options`, else in place of them.
    TrainConfig over(const TrainConfig& base, bool add_net_options) const;

  private:
    struct Spelled {
        std::string name;    ///< in the file
        std::string option;  ///< that it is of, by its name in train_options()
        std::string text;
        std::vector<std::string> keys;  ///< that it sets
    };

    /// Where it says `name`: the file, and the line where it is known.
    std::string place(const std::string& name) const;
    void take_spelled(const TrainOption& option);

    std::string name_, preset_;
    nlohmann::json json_;
    std::map<std::string, int> lines_;
    std::vector<Spelled> spelled_;
};

/// What --print-config prints and config.json holds: to_json(), a line each decision.
std::string config_text(const TrainConfig& config);

/// Of config.json a field in which the two differ and that has an influence on what a run computes; empty: none.
std::string run_difference(const TrainConfig& a, const TrainConfig& b);

}  // namespace camber
