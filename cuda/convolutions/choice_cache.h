#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cuda/runtime/gpu.h"

namespace camber::CAMBER_GPU {

/// What became of a plan when a call's fastest was looked for.
struct Attempt {
    std::string library, plan;           ///< as in Choice
    std::optional<double> milliseconds;  ///< absent: not timed
    std::optional<double> error;         ///< Difference::relative() to Camber's result; absent: not compared, infinite
    std::string outcome;                 ///< "chosen", "slower", "differs" or "refused: " and why
};

/// What was found fastest for a call.
struct Choice {
    std::string library = "own";  ///< ConvLibrary::name(); "own": Camber's kernels
    std::string plan;             ///< ConvPlan::text(), for people
    std::string saved;            ///< ConvPlan::saved()
    double milliseconds = 0;
    std::optional<double> error;  ///< of a plan
    double own_milliseconds = 0;
    double planning_seconds = 0;  ///< that it took to choose
    std::vector<Attempt> tried;   ///< every plan there was, in the order in which they were tried
};

/// Choices kept on disk, a file each, so that a second run neither compiles nor measures and computes the same bits.
/// Files are replaced whole; one that cannot be read or is of another format counts as absent, one that cannot be
/// written is not kept. They may be brought to another machine with the same device and libraries.
class ChoiceCache {
  public:
    /// An empty path keeps nothing.
    explicit ChoiceCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::optional<Choice> find(const std::string& call) const;
    void keep(const std::string& call, const Choice& choice) const;
    /// Another file of the folder, if it is not there yet.
    void keep_once(const std::string& name, const std::string& text) const;

  private:
    void write(const std::string& name, const std::string& text) const;

    std::filesystem::path folder_;
};

/// The folder for choices on `device` (its name) between `libraries` (names and versions): below CAMBER_CACHE, else
/// XDG_CACHE_HOME/camber, else ~/.cache/camber. Empty where none of these is set.
std::filesystem::path choice_folder(const std::string& device, const std::string& libraries);

}  // namespace camber::CAMBER_GPU
