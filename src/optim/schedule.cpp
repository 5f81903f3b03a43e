#include <camber/error.h>
#include <camber/schedule.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace camber {
namespace {

bool has_end(ScheduleKind kind) {
    return kind == ScheduleKind::polynomial || kind == ScheduleKind::cosine || kind == ScheduleKind::one_cycle;
}

double as_double(std::int64_t n) { return static_cast<double>(n); }

/// From `start` at 0 to `end` at 1 along half a cosine.
double cosine(double start, double end, double share) {
    return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * share));
}

/// Along half cosines from `first` over `middle` at `peak` to `last` at `end`.
double cycle(double first, double middle, double last, double at, double peak, double end) {
    at = std::min(at, end);
    // A run too short for a rise (peak <= 0) starts at the peak.
    if (at <= peak && peak > 0) return cosine(first, middle, at / peak);
    const double from = std::max(peak, 0.0);
    return cosine(middle, last, end > from ? (at - from) / (end - from) : 1);
}

/// `at` goes to `end`, and the rate is highest at `peak`.
double one_cycle(const ScheduleConfig& c, double at, double peak, double end) {
    const double first = 1 / c.div_factor;
    return cycle(first, 1, first / c.final_div_factor, at, peak, end);
}

void require(bool holds, const char* option, const char* rule) {
    if (!holds) fail_usage("schedule: {} must be {}", option, rule);
}

}  // namespace

Schedule::Schedule(const ScheduleConfig& config) : Schedule(config, true) {}

Schedule Schedule::of_share(const ScheduleConfig& config) { return Schedule(config, false); }

Schedule::Schedule(const ScheduleConfig& config, bool knows_length) : config_(config) {
    const ScheduleConfig& c = config;
    const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
    const auto not_negative = [](double x) { return x >= 0 && std::isfinite(x); };
    require(c.warmup_steps >= 0, "warmup_steps", "0 or more");
    require(not_negative(c.warmup_start), "warmup_start", "a number that is not negative");
    if (c.kind == ScheduleKind::step) {
        require(c.step_size >= (knows_length ? 1 : 0), "step_size", "1 or more");
        require(positive(c.gamma), "gamma", "a number above 0");
    }
    if (c.kind == ScheduleKind::polynomial) require(positive(c.power), "power", "a number above 0");
    if (c.kind == ScheduleKind::polynomial || c.kind == ScheduleKind::cosine) {
        require(not_negative(c.end_factor), "end_factor", "a number that is not negative");
    }
    if (c.kind == ScheduleKind::one_cycle) {
        require(c.pct_start >= 0 && c.pct_start <= 1, "pct_start", "between 0 and 1");
        require(positive(c.div_factor), "div_factor", "a number above 0");
        require(positive(c.final_div_factor), "final_div_factor", "a number above 0");
        require(c.max_momentum >= 0 && c.max_momentum < 1, "max_momentum", "at least 0 and below 1");
        require(c.max_momentum == 0 ? c.base_momentum == 0 : c.base_momentum > 0 && c.base_momentum <= c.max_momentum,
                "base_momentum", "above 0 and at most max_momentum");
    }
    if (knows_length && has_end(c.kind) && c.total_steps <= c.warmup_steps) {
        fail_usage("schedule: {} needs total_steps above its {} warm-up steps, not {}", name(c.kind), c.warmup_steps,
                   c.total_steps);
    }
}

double Schedule::warmup(std::int64_t step) const {
    const ScheduleConfig& c = config_;
    return c.warmup_start +
           (1 - c.warmup_start) * as_double(std::max<std::int64_t>(step, 0)) / as_double(c.warmup_steps);
}

double Schedule::multiplier(std::int64_t step) const {
    const ScheduleConfig& c = config_;
    if (step < c.warmup_steps) return warmup(step);
    const std::int64_t t = std::max<std::int64_t>(step, 0) - c.warmup_steps, total = c.total_steps - c.warmup_steps;
    if (c.kind == ScheduleKind::one_cycle)
        return one_cycle(c, as_double(t), c.pct_start * as_double(total) - 1, as_double(total) - 1);
    return multiplier(step, total > 0 ? std::min(1.0, as_double(t) / as_double(total)) : 1);
}

double Schedule::multiplier(std::int64_t step, double share) const {
    const ScheduleConfig& c = config_;
    if (step < c.warmup_steps) return warmup(step);
    const std::int64_t t = std::max<std::int64_t>(step, 0) - c.warmup_steps;
    switch (c.kind) {
        case ScheduleKind::constant:
            return 1;
        case ScheduleKind::step:
            return std::pow(c.gamma,
                            c.step_size > 0 ? as_double(t / c.step_size) : std::min(std::floor(3 * share), 2.0));
        case ScheduleKind::polynomial:
            return c.end_factor + (1 - c.end_factor) * std::pow(1 - share, c.power);
        case ScheduleKind::cosine:
            return cosine(1, c.end_factor, share);
        case ScheduleKind::one_cycle:
            return one_cycle(c, share, c.pct_start, 1);
    }
    return 1;
}

double Schedule::momentum(std::int64_t step) const {
    const ScheduleConfig& c = config_;
    const std::int64_t t = std::max<std::int64_t>(step - c.warmup_steps, 0), total = c.total_steps - c.warmup_steps;
    return cycle(c.max_momentum, c.base_momentum, c.max_momentum, as_double(t), c.pct_start * as_double(total) - 1,
                 as_double(total) - 1);
}

double Schedule::momentum(std::int64_t step, double share) const {
    const ScheduleConfig& c = config_;
    return cycle(c.max_momentum, c.base_momentum, c.max_momentum, step < c.warmup_steps ? 0 : share, c.pct_start, 1);
}

}  // namespace camber
