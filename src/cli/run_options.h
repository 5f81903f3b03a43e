#pragma once
#include <camber/train.h>

#include <map>
#include <string>

#include "cli/commands.h"

namespace camber::cli {

/// The options that say what a run computes: --preset, --config, those of train_options() and the network's. What is
/// given replaces what the file --config says, and that the preset's.
class RunOptions {
  public:
    /// Declares them as those of `command`, which this outlives.
    void declare(CLI::App& command);

    /// By its name in train_options().
    bool given(const std::string& option) const { return options_.contains(option); }
    /// Puts what was given on the command line in place of what `config` says.
    void set(TrainConfig& config) const;
    /// What the run is: the preset, the file and what was given. Throws UsageError for what has no effect.
    TrainConfig config() const;
    /// The same, with a dataset. Throws UsageError where nothing names one.
    TrainConfig config_with_data() const;
    /// Has convolutions on a GPU be chosen as --conv and --verbose say.
    void choose_convolutions() const;

  private:
    TrainConfig starting_point() const;
    void hold_in_every_stage(TrainConfig& config) const;

    std::string preset_, config_, conv_;
    bool verbose_ = false;
    std::map<std::string, std::string> options_;  ///< by their names in train_options()
    std::map<std::string, std::string> net_options_;
};

}  // namespace camber::cli
