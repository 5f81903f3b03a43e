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
constexpr double hurried_share = 0.02;

double as_double(std::int64_t n) { return static_cast<double>(n); }

Pace::Decision decision(const nlohmann::json& json) {
    return {.step = json.at("step").get<std::int64_t>(),
            .progress = json.at("progress").get<double>(),
            .end = json.at("end").get<std::int64_t>(),
            .validate_every = json.at("validate_every").get<int>(),
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
    const bool soon = last > 0 && (last - step) * 2 < every * plan_.epoch_steps;
    return (epoch + 1) % every == 0 && !soon;
}

void Pace::count_step(std::int64_t step, double seconds) {
    if (step == 2 && decisions_.empty()) seconds_ = 0, steps_ = 0;  // the first step sets things up
    seconds_ += seconds;
    ++steps_;
    const Decision* const followed = at(step);
    if (followed && followed->step == step) begin_measuring(followed->validation_steps);
}

void Pace::count_validation(std::int64_t step, double seconds) {
    const Decision* const last = at(step);
    const double step_seconds = steps_ > 0 ? seconds_ / as_double(steps_) : last ? last->step_seconds : 0;
    if (step_seconds > 0) validation_steps_ = seconds / step_seconds;
}

void Pace::begin_measuring(double validation_steps) {
    seconds_ = 0;
    steps_ = 0;
    validation_steps_ = validation_steps;
}

bool Pace::due(std::int64_t step, double elapsed) const {
    const Decision last = decisions_.empty() ? Decision() : decisions_.back();
    // The first step takes longer than those after it.
    if (decisions_.empty() && step < 2 && elapsed < first_share * plan_.seconds) return false;
    return step > last.step && !over(step) &&
           elapsed >= last.elapsed + std::max(plan_.seconds * decision_share, least_seconds);
}

double Pace::steps_beside_validations(double steps, std::int64_t step, int every) const {
    const double cycle = as_double(every * plan_.epoch_steps), done = std::fmod(as_double(step), cycle);
    // The last validation but the one at the end is half a cycle before that at least.
    const auto validations = [&](double n) { return std::max(0.0, std::floor((done + n - cycle / 2) / cycle)); };
    const auto left = [&](double count) { return steps - count * validation_steps_; };
    double count = std::max(0.0, std::floor(steps / (cycle + validation_steps_)) - 1);
    while (validations(left(count)) > count) ++count;
    return left(count);
}

void Pace::decide(std::int64_t step, double elapsed) {
    const Decision last = decisions_.empty() ? Decision() : decisions_.back();
    Decision next{.step = step, .progress = progress(step), .elapsed = elapsed, .step_seconds = last.step_seconds};
    if (steps_ > 0) {
        const double measured = seconds_ / as_double(steps_);
        next.step_seconds = last.step_seconds > 0 ? (last.step_seconds + measured) / 2 : measured;
    }
    next.validation_steps = validation_steps_;
    const double epoch = as_double(plan_.epoch_steps), wanted = plan_.validate_seconds;
    double every = plan_.validate_every;
    if (every == 0 && wanted > 0) every = next.step_seconds > 0 ? std::round(wanted / (epoch * next.step_seconds)) : 1;
    if (every == 0 && wanted == 0) every = std::ceil(validation_steps_ / (validation_share * epoch));
    next.validate_every = static_cast<int>(std::clamp(every, 1.0, 1e6));

    if (next.step_seconds > 0) {
        const double seconds = plan_.seconds - plan_.closing_seconds - elapsed;
        const double steps =
            steps_beside_validations(seconds / next.step_seconds - validation_steps_, step, next.validate_every);
        const double hurried = (1 - next.progress) * hurried_share * plan_.seconds / next.step_seconds;
        next.end = step + static_cast<std::int64_t>(std::clamp(std::round(std::max(steps, hurried)), 0.0, 1e15));
    }
    decisions_.push_back(next);
    begin_measuring(validation_steps_);
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
                        {"elapsed", d.elapsed},
                        {"step_seconds", d.step_seconds},
                        {"validation_steps", d.validation_steps}});
    }
    return list;
}

nlohmann::json Pace::measured() const {
    return {{"seconds", seconds_}, {"steps", steps_}, {"validation_steps", validation_steps_}};
}

void Pace::restore_measured(const nlohmann::json& json) {
    json.at("seconds").get_to(seconds_);
    json.at("steps").get_to(steps_);
    json.at("validation_steps").get_to(validation_steps_);
}

}  // namespace camber
