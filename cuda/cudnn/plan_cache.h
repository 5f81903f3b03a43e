#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace camber::cudnn {

/// What was found fastest for a problem.
struct Choice {
    std::string variant;  ///< which way of posing the problem
    std::string engine;   ///< of the plan, for people
    std::string plan;     ///< cuDNN's JSON; empty: Camber's own kernels
    double milliseconds = 0;
};

/// Choices kept on disk, a file each, so that a second run neither compiles nor measures and computes the same bits.
/// Files are replaced whole; one that cannot be read counts as absent, one that cannot be written is not kept.
class PlanCache {
  public:
    /// An empty path keeps nothing.
    explicit PlanCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::optional<Choice> find(const std::string& problem) const;
    void keep(const std::string& problem, const Choice& choice) const;
    /// Another file of the folder, if it is not there yet.
    void keep_once(const std::string& name, const std::string& text) const;

  private:
    void write(const std::string& name, const std::string& text) const;

    std::filesystem::path folder_;
};

/// The folder for plans of `device` (its name) with a library version: below CAMBER_CACHE, else XDG_CACHE_HOME/camber,
/// else ~/.cache/camber. Empty where none of these is set.
std::filesystem::path plan_folder(const std::string& device, const std::string& library_version);

}  // namespace camber::cudnn
