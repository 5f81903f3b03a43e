#include "train/pace.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/text_file.h"

namespace camber {
namespace {

/// Between decisions: a hundred in all, and not so many in a run of seconds that recording them matters.
constexpr double decision_share = 0.01, least_seconds = 0.1;
/// Of the minutes: a run whose first step ends after that decides at once.
constexpr double first_share = 0.2;
/// Where --validate-every does not say: validation takes at most this share of the time that steps take.
constexpr double validation_share = 0.25;
/// Of the minutes: what the whole schedule would take at least, were all of them gone. A run that was held up for long
/// still ends annealed, if quickly.
constexpr double hurried_share = 0.03;
/// Validations of which a mean is taken.
constexpr int most_averaged = 4;
constexpr double most_steps = 1e15;
/// By how much steps may seem slower than before: one that was held up says nothing of those to come.
constexpr double most_slower = 2;

double as_double(std::int64_t n) { return static_cast<double>(n); }

Pace::Decision decision(const nlohmann::json& json) {
    return {.step = json.at("step").get<std::int64_t>(),
            .progress = json.at("progress").get<double>(),
            .end = json.at("end").get<std::int64_t>(),
            .validate_every = json.at("validate_every").get<int>(),
            .validate_until = json.at("validate_until").get<std::int64_t>(),
            .elapsed = json.at("elapsed").get<double>(),
            .step_seconds = json.at("step_seconds").get<double>(),
            .validation_steps = json.at("validation_steps").get<double>()};
}

/// Whether `d` may follow one of step and progress `step`, `progress`.
bool may_follow(const Pace::Decision& d, std::int64_t step, double progress) {
    return d.step > step && d.progress >= progress && d.progress <= 1 && (d.end == 0 || d.end >= d.step) &&
           d.validate_every >= 1 && d.elapsed >= 0 && d.step_seconds >= 0 && d.validation_steps >= 0;
}

}  // namespace

Pace::Pace(const Plan& plan, const nlohmann::json& recorded, const std::string& source)
    : plan_(plan), validation_steps_(plan.validation_steps) {
    for (const nlohmann::json& entry : recorded) {
        try {
            const Decision next = decision(entry);
            const bool first = decisions_.empty();
            if (!may_follow(next, first ? 0 : decisions_.back().step, first ? 0 : decisions_.back().progress))
                throw std::invalid_argument("order");
            decisions_.push_back(next);
        } catch (const std::exception&) {
            fail("{}: decision {} is not as a run records them: {}", source, decisions_.size() + 1, shown(entry));
        }
    }
}

const Pace::Decision* Pace::at(std::int64_t step) const {
    const auto after = std::upper_bound(decisions_.begin(), decisions_.end(), step,
                                        [](std::int64_t s, const Decision& d) { return s < d.step; });
    return after == decisions_.begin() ? nullptr : &*(after - 1);
}

double Pace::progress(std::int64_t step) const {
    const Decision* const from = at(step);
    if (!from) return 0;
    if (from->end <= from->step) return from->progress;
    const double share = as_double(step - from->step) / as_double(from->end - from->step);
    return from->progress + (1 - from->progress) * std::min(share, 1.0);
}

std::int64_t Pace::end(std::int64_t step) const {
    const Decision* const from = at(step);
    return from ? from->end : 0;
}

bool Pace::validates(std::int64_t epoch, std::int64_t step) const {
    const Decision* const from = at(step);
    const std::int64_t every = from ? from->validate_every : std::max(plan_.validate_every, 1);
    const std::int64_t last = end(step);
    if (last > 0 && step >= last) return true;
    return (epoch + 1) % every == 0 && (last == 0 || step <= from->validate_until);
}

void Pace::count_step(std::int64_t step, double seconds) {
    if (step == 2 && decisions_.empty()) seconds_ = 0, steps_ = 0;  // the first step sets things up
    seconds_ += seconds;
    ++steps_;
    const Decision* const followed = at(step);
    if (followed && followed->step == step) {
        if (followed->validation_steps != plan_.validation_steps) validations_ = std::max(validations_, 1);
        begin_measuring(followed->validation_steps);
    }
}

void Pace::count_validation(double seconds) {
    const double a_step = step_seconds(seconds);
    if (a_step <= 0) return;
    // The geometric mean of a few: other work may have slowed steps or validation alone.
    const double steps = seconds / a_step;
    validations_ = std::min(validations_ + 1, most_averaged);
    const bool blend = validations_ > 1 && validation_steps_ > 0 && steps > 0;
    validation_steps_ = blend ? validation_steps_ * std::pow(steps / validation_steps_, 1.0 / validations_) : steps;
}

void Pace::begin_measuring(double validation_steps) {
    seconds_ = 0;
    steps_ = 0;
    validation_steps_ = validation_steps;
}

double Pace::step_seconds(double of_late) const {
    double seconds = seconds_, steps = as_double(steps_);
    for (auto d = decisions_.rbegin(); d != decisions_.rend() && (seconds < of_late || steps == 0); ++d) {
        const double more = as_double(d->step - (d + 1 == decisions_.rend() ? 0 : (d + 1)->step));
        seconds += more * d->step_seconds;
        steps += more;
    }
    return steps > 0 ? seconds / steps : 0;
}

bool Pace::due(std::int64_t step, double elapsed) const {
    const Decision last = decisions_.empty() ? Decision() : decisions_.back();
    // The first step takes longer than those after it.
    if (decisions_.empty() && step < 2 && elapsed < first_share * plan_.seconds) return false;
    return step > last.step && !over(step) &&
           elapsed >= last.elapsed + std::max(plan_.seconds * decision_share, least_seconds);
}

void Pace::share_out(Decision& next, double seconds, double a_step) const {
    const double room = seconds / a_step, validation = next.validation_steps;
    // Validations at multiples of the cycle, the first of which may be that of the step just done. Each leaves half a
    // cycle to the end at least.
    const std::int64_t cycle = next.validate_every * plan_.epoch_steps;
    const std::int64_t first = (next.step + cycle - 1) / cycle * cycle;
    const double beyond_first = room - 2 * validation - as_double(first - next.step) - as_double(cycle) / 2;
    const double count = beyond_first < 0 ? 0 : 1 + std::floor(beyond_first / (as_double(cycle) + validation));
    next.validate_until = count > 0 ? first + (static_cast<std::int64_t>(count) - 1) * cycle : 0;
    const double steps = room - validation * (count + 1);
    const double hurried = (1 - next.progress) * hurried_share * plan_.seconds / step_seconds(plan_.seconds);
    next.end = next.step + static_cast<std::int64_t>(std::clamp(std::round(std::max(steps, hurried)), 0.0, most_steps));
}

void Pace::decide(std::int64_t step, double elapsed) {
    const Decision last = decisions_.empty() ? Decision() : decisions_.back();
    Decision next{.step = step, .progress = progress(step), .elapsed = elapsed, .step_seconds = last.step_seconds};
    if (steps_ > 0) {
        const double measured = seconds_ / as_double(steps_), before = last.step_seconds;
        next.step_seconds = before > 0 ? std::min(measured, most_slower * before) : measured;
    }
    next.validation_steps = validation_steps_;
    const double epoch = as_double(plan_.epoch_steps), wanted = plan_.validate_seconds;
    double every = plan_.validate_every;
    if (every == 0 && wanted > 0) {
        const double a_step = step_seconds(wanted);
        every = a_step > 0 ? std::round(wanted / (epoch * a_step)) : 1;
    }
    if (every == 0 && wanted == 0) {
        // As before where that is about right: what is measured is never twice the same.
        const double needed = validation_steps_ / (validation_share * epoch), before = last.validate_every;
        const bool right = !decisions_.empty() && needed <= 1.2 * before && needed > 0.8 * (before - 1);
        every = right ? before : std::ceil(needed);
    }
    next.validate_every = static_cast<int>(std::clamp(every, 1.0, 1e6));

    decisions_.push_back(next);
    begin_measuring(validation_steps_);
    // Other work comes and goes: of the time that is left, half as much says what a step takes.
    const double left = plan_.seconds - plan_.closing_seconds - elapsed;
    if (const double a_step = step_seconds(left / 2); a_step > 0) share_out(decisions_.back(), left, a_step);
}

void Pace::close(std::int64_t step, double elapsed) {
    Decision last = decisions_.empty() ? Decision() : decisions_.back();
    last.progress = progress(step);
    if (!decisions_.empty() && last.step == step) decisions_.pop_back();
    last.step = last.end = step;
    last.elapsed = elapsed;
    decisions_.push_back(last);
}

nlohmann::json Pace::json() const {
    nlohmann::json list = nlohmann::json::array();
    for (const Decision& d : decisions_) {
        list.push_back({{"step", d.step},
                        {"progress", d.progress},
                        {"end", d.end},
                        {"validate_every", d.validate_every},
                        {"validate_until", d.validate_until},
                        {"elapsed", d.elapsed},
                        {"step_seconds", d.step_seconds},
                        {"validation_steps", d.validation_steps}});
    }
    return list;
}

nlohmann::json Pace::measured() const {
    return {{"seconds", seconds_},
            {"steps", steps_},
            {"validation_steps", validation_steps_},
            {"validations", validations_}};
}

void Pace::restore_measured(const nlohmann::json& json) {
    json.at("seconds").get_to(seconds_);
    json.at("steps").get_to(steps_);
    json.at("validation_steps").get_to(validation_steps_);
    json.at("validations").get_to(validations_);
}

}  // namespace camber
