#pragma once
#include <camber/train.h>

#include <string>

#include "cli/commands.h"

namespace camber::cli {

/// --size, --tile, --overlap, --flip, --scales: how a trained network is shown pictures.
class InferenceFlags {
  public:
    /// Declares them as those of `command`, which this outlives.
    void declare(CLI::App& command);
    /// Has the model go by what was given. Throws UsageError for a size that its network does not take, and for what
    /// has no effect.
    void set(Model& model) const;

  private:
    std::string size_, tile_, scales_;
    double overlap_ = InferenceOptions().overlap;
    bool flip_ = false;
    CLI::Option* overlap_flag_ = nullptr;
};

}  // namespace camber::cli
