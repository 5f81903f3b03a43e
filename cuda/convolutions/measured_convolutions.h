#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/convolution_settings.h"
#include "cuda/convolutions/choice_cache.h"
#include "cuda/convolutions/library.h"

namespace camber::CAMBER_GPU {

/// The same text for calls of one shape, dtype and kind.
std::string describe_call(const ConvCall& call);

/// What is worth measuring.
struct MeasuringLimits {
    /// Calls of fewer operations are not measured (automatic): a GPU does these in the time that a launch takes, so
    /// that any kernel serves.
    double operations = 1e8;
    double seconds = 0.5;  ///< that a shape's plans are timed for; those that are left then are not tried
};

/// Convolutions on the fastest of some libraries and, for ConvolutionChoice::automatic, Camber's kernels. At a shape's
/// first call every plan is compared with Camber's kernels and timed on the call's own operands; the fastest of those
/// that agree serves from then on, in later runs too. Where these operands tell nothing (a gradient of zeros) a later
/// call decides, but not the fourth. What no library computes, what is too small to matter (automatic), and a shape
/// that is first met while a step is being recorded run on Camber's kernels.
class MeasuredConvolutions {
  public:
    using Report = std::function<void(const std::string&)>;

    /// `report`, unless empty, is told in a line what serves a shape and which plans were passed over.
    MeasuredConvolutions(std::vector<std::unique_ptr<ConvLibrary>> libraries, const ConvolutionSettings& settings,
                         ChoiceCache cache, Report report = {}, const MeasuringLimits& limits = {});

    void run(const ConvCall& call);

  private:
    /// Null: Camber's kernels.
    using Server = std::unique_ptr<ConvPlan>;

    /// Nothing where the operands do not tell, or there is no memory to compare in.
    std::optional<Server> choose(const ConvCall& call, const std::string& key);
    std::optional<Server> recall(const ConvCall& call, const std::string& key);

    std::vector<std::unique_ptr<ConvLibrary>> libraries_;
    ConvolutionSettings settings_;
    ChoiceCache cache_;
    Report report_;
    MeasuringLimits limits_;
    std::mutex mutex_;
    std::unordered_map<std::string, Server> servers_;
    std::unordered_map<std::string, int> undecided_;  ///< calls of a shape that did not tell
};

}  // namespace camber::CAMBER_GPU
