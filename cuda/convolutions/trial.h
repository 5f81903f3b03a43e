#pragma once
#include <functional>
#include <string>

#include "backend/convolution_settings.h"
#include "cuda/convolutions/choice_cache.h"
#include "cuda/convolutions/library.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/runtime.h"

namespace camber::CAMBER_GPU {

/// A call on whose operands plans are compared with Camber's kernels and timed. Device memory beside the call's own is
/// taken for it, and given back at its end.
class Trial {
  public:
    /// Runs Camber's kernels.
    Trial(const ConvCall& call, const ConvolutionSettings& settings);

    /// Whether the operands tell a right plan from a wrong one: not where the result is all zeros or not finite.
    bool telling() const { return telling_; }
    double own_milliseconds();
    /// Compares `plan`, and times it unless it is wrong or one look shows it to be much slower than `best`
    /// milliseconds. The outcome is "slower", "differs" or "refused: ...". Throws Error where the plan has left the
    /// device unusable.
    Attempt attempt(const std::string& library, const ConvPlan& plan, double best);
    /// What has been timed so far took; loading kernels and comparing results is no part of it.
    double seconds() const { return seconds_; }

  private:
    double milliseconds(const std::function<void()>& work);
    double milliseconds_recorded(const std::function<void()>& work, double best);

    MemoryPool pool_;
    MemoryPool::Scope scope_;
    ConvCall call_;
    Tensor result_;  ///< of the call
    Tensor own_;     ///< Camber's
    double tolerance_;
    bool deterministic_, telling_;
    double seconds_ = 0;
    Event start_, end_;
};

}  // namespace camber::CAMBER_GPU
