#pragma once
#include <camber/names.h>

#include <cstdint>

namespace camber {

enum class ScheduleKind { constant, step, polynomial, cosine, one_cycle };
template <>
inline constexpr std::array enum_names<ScheduleKind> = {"constant", "step", "polynomial", "cosine", "one_cycle"};

/// Options of a learning-rate schedule. Steps are optimizer steps. Those of other kinds than `kind` are ignored.
struct ScheduleConfig {
    ScheduleKind kind = ScheduleKind::constant;
    /// Length of the run, warm-up included; needed by polynomial, cosine and one_cycle.
    std::int64_t total_steps = 0;

    std::int64_t warmup_steps = 0;  ///< linear warm-up before the schedule, which then has total_steps - warmup_steps
    double warmup_start = 0;        ///< multiplier of step 0 when warmup_steps > 0

    std::int64_t step_size = 0;  ///< step: the rate is multiplied by gamma every step_size steps
    double gamma = 0.1;

    double power = 0.9;     ///< polynomial
    double end_factor = 0;  ///< polynomial, cosine: the multiplier at the end

    double pct_start = 0.3;         ///< one_cycle: share of the steps in which the rate rises
    double div_factor = 25;         ///< one_cycle: the rate starts at 1 / div_factor
    double final_div_factor = 1e4;  ///< one_cycle: and ends at 1 / (div_factor * final_div_factor)

    /// one_cycle: from the one down to the other while the rate rises, and back; 0: momentum stays what it is.
    double max_momentum = 0, base_momentum = 0;

    bool operator==(const ScheduleConfig&) const = default;
};

/// Multiplier of the base learning rate as a pure function of the step. With t = step - warmup_steps and
/// T = total_steps - warmup_steps (steps past the end keep the last value):
///   constant    1
///   step        gamma ^ floor(t / step_size)                    torch's StepLR
///   polynomial  end + (1 - end) * (1 - t / T) ^ power           torch's PolynomialLR, Keras's PolynomialDecay
///   cosine      end + (1 - end) * (1 + cos(pi t / T)) / 2       torch's CosineAnnealingLR, closed form
///   one_cycle   from 1 / div up to 1 at t = pct_start * T - 1, then down to 1 / (div * final_div) at T - 1, each along
///               half a cosine (Smith and Topin 2017)            torch's OneCycleLR; the base rate is its max_lr
/// and before them start + (1 - start) * step / warmup_steps     torch's LinearLR in a SequentialLR
class Schedule {
  public:
    /// Throws UsageError naming the option when a value is out of range or not finite.
    explicit Schedule(const ScheduleConfig& config = {});
    double multiplier(std::int64_t step) const;
    /// Whether momentum() says anything.
    bool has_momentum() const { return config_.kind == ScheduleKind::one_cycle && config_.max_momentum > 0; }
    /// Momentum, or Adam's beta1, of a step: one_cycle's goes against its rate, and before it is max_momentum. torch's
    /// OneCycleLR, cycle_momentum.
    double momentum(std::int64_t step) const;

    /// For a run whose length in steps is not known: total_steps is not needed, and without step_size the step is a
    /// third of the run.
    static Schedule of_share(const ScheduleConfig& config);
    /// The multiplier there: `share` in [0, 1] is how much is done of what comes after the warm-up.
    double multiplier(std::int64_t step, double share) const;
    double momentum(std::int64_t step, double share) const;

    const ScheduleConfig& config() const { return config_; }

  private:
    Schedule(const ScheduleConfig& config, bool knows_length);
    double warmup(std::int64_t step) const;

    ScheduleConfig config_;
};

}  // namespace camber
