#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace camber {

/// The schedule of a run that --minutes ends: progress from 0 to 1 follows the clock, whatever the machine does
/// meanwhile. The clock is looked at now and then only; what was decided then says progress and end for every step
/// until the next decision. So a run is a function of its decisions, which are recorded before they are acted upon: one
/// that is resumed or repeated follows the record as far as it goes, and the clock from there.
class Pace {
  public:
    /// How the run goes on from a step.
    struct Decision {
        std::int64_t step = 0;   ///< optimizer steps done
        double progress = 0;     ///< there
        std::int64_t end = 0;    ///< steps at which progress will be 1 and the run ends; 0: not known, progress stays
        int validate_every = 1;  ///< epochs
        std::int64_t validate_until = 0;  ///< steps: the last validation but that at the end is not later
        double elapsed = 0;               ///< seconds since the run began, earlier sessions' included
        double step_seconds = 0;          ///< what a step took of late
        double validation_steps = 0;      ///< what a validation takes, in steps of its time
    };
    struct Plan {
        double seconds = 0;            ///< in all
        std::int64_t epoch_steps = 1;  ///< optimizer steps
        int validate_every = 0;        ///< epochs; 0: as follows
        double validate_seconds = 0;   ///< between validations; 0: as often as takes at most a fifth of the time
        double validation_steps = 0;   ///< a guess, until one is measured; 0: there is none
        double closing_seconds = 0;    ///< of what comes after the last validation
    };
    /// `recorded`: as json() gives it. Throws Error, naming `source`, for what is no record of decisions.
    Pace(const Plan& plan, const nlohmann::json& recorded, const std::string& source);

    /// At a step, in [0, 1].
    double progress(std::int64_t step) const;
    /// Steps after which the run ends, as it was decided up to `step`; 0 while that is not known.
    std::int64_t end(std::int64_t step) const;
    bool over(std::int64_t step) const { return end(step) > 0 && step >= end(step); }
    /// The step up to which the record says how the run goes.
    std::int64_t recorded() const { return decisions_.empty() ? 0 : decisions_.back().step; }
    /// Whether the run is validated at the end of its epoch number `epoch`, from 0, `step` steps being done. It is at
    /// its own end.
    bool validates(std::int64_t epoch, std::int64_t step) const;

    /// Tells what step number `step`, from 1, took; and a validation after it.
    void count_step(std::int64_t step, double seconds);
    /// Seconds that those steps took beyond what was told of them.
    void add_seconds(double seconds) { seconds_ += seconds; }
    void count_validation(double seconds);

    /// Whether it is time to decide again.
    bool due(std::int64_t step, double elapsed) const;
    void decide(std::int64_t step, double elapsed);
    /// Has the run end here, for good, so that who repeats it does not ask the clock any more.
    void close(std::int64_t step, double elapsed);
    bool closed() const { return !decisions_.empty() && decisions_.back().end == decisions_.back().step; }
    const std::vector<Decision>& decisions() const { return decisions_; }
    nlohmann::json json() const;

    /// What was measured since the last decision, for a checkpoint.
    nlohmann::json measured() const;
    void restore_measured(const nlohmann::json& json);

  private:
    /// The decision that holds at a step; null before the first.
    const Decision* at(std::int64_t step) const;
    void begin_measuring(double validation_steps);
    /// What a step took in the last so many seconds; 0 where nothing is known.
    double step_seconds(double of_late) const;
    /// Sets the end of a decision, and its last validation before that, so that steps and validations, the final one
    /// too, take so many seconds.
    void share_out(Decision& next, double seconds, double a_step) const;

    Plan plan_;
    std::vector<Decision> decisions_;
    double seconds_ = 0;  ///< of the steps since the last decision
    std::int64_t steps_ = 0;
    double validation_steps_ = 0;
    int validations_ = 0;  ///< that it is the mean of; 0: a guess
};

}  // namespace camber
