#pragma once
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

/// Convolutions on the fastest of some libraries and, for ConvolutionChoice::automatic, Camber's kernels. At a shape's
/// first call every plan is timed on the call's own operands; the fastest serves from then on, in later runs too. What
/// no library computes, what is too small to matter (automatic), and a shape that is first met while a step is being
/// recorded run on Camber's kernels.
class MeasuredConvolutions {
  public:
    /// A GPU does fewer operations than these in the time that a launch takes: any kernel serves.
    static constexpr double worth_measuring = 1e8;

    /// `small`: calls of fewer operations are not measured (automatic).
    MeasuredConvolutions(std::vector<std::unique_ptr<ConvLibrary>> libraries, const ConvolutionSettings& settings,
                         ChoiceCache cache, double small = worth_measuring);

    void run(const ConvCall& call);

  private:
    /// Null: Camber's kernels.
    using Server = std::unique_ptr<ConvPlan>;

    Server choose(const ConvCall& call, const std::string& key);
    std::optional<Server> recall(const ConvCall& call, const std::string& key);

    std::vector<std::unique_ptr<ConvLibrary>> libraries_;
    ConvolutionSettings settings_;
    ChoiceCache cache_;
    double small_;
    std::mutex mutex_;
    std::unordered_map<std::string, Server> servers_;
};

}  // namespace camber::CAMBER_GPU
