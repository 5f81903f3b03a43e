// The schedule of a run that the clock ends, on machines that are not there.
#include "train/pace.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "support/errors.h"

using namespace camber;
using nlohmann::json;

namespace {

struct Machine {
    std::function<double(double)> slowness;  ///< by the second: what a step takes, in its usual time
    double step = 0.2, validation = 4;       ///< seconds
    std::int64_t epoch_steps = 91;
    double minutes = 8;
};

struct Ran {
    double seconds = 0, progress = 0;  ///< the progress of the last step
    std::int64_t steps = 0;
    int validations = 0;
    bool rose = true;
    double validating = 0;
};

/// A run as the trainer has it.
Ran run(const Machine& machine, Pace::Plan plan) {
    plan.seconds = machine.minutes * 60;
    plan.epoch_steps = machine.epoch_steps;
    Pace pace(plan, json::array(), "");
    Ran ran;
    double& now = ran.seconds;
    now = 2;  // until the first step
    double before = 0;
    for (std::int64_t epoch = 0; !pace.over(ran.steps); ++epoch) {
        for (std::int64_t i = 0; i < machine.epoch_steps && !pace.over(ran.steps); ++i) {
            ran.progress = pace.progress(ran.steps);
            ran.rose = ran.rose && ran.progress >= before;
            before = ran.progress;
            const double seconds = machine.step * machine.slowness(now);
            now += seconds;
            pace.count_step(++ran.steps, seconds);
            if (pace.due(ran.steps, now)) pace.decide(ran.steps, now);
        }
        if (!pace.validates(epoch, ran.steps)) continue;
        const double begin = now;
        for (int i = 0; i < 100; ++i) now += machine.validation / 100 * machine.slowness(now);
        const double seconds = now - begin;
        ran.validating += seconds;
        ++ran.validations;
        pace.count_validation(seconds);
    }
    return ran;
}

double steady(double) { return 1; }

}  // namespace

TEST_CASE("a run takes its minutes and ends annealed, whatever else the machine does") {
    const std::pair<std::string, std::function<double(double)>> loads[] = {
        {"alone", steady},
        {"twice as slow throughout", [](double) { return 2; }},
        {"in the first minute", [](double t) { return t < 60 ? 2 : 1; }},
        {"from the middle on", [](double t) { return t < 240 ? 1 : 3; }},
        {"in the last minute", [](double t) { return t < 420 ? 1 : 2; }},
        {"on and off", [](double t) { return std::fmod(t, 40) < 20 ? 1 : 2.5; }},
        {"noisy", [](double t) { return 0.7 + std::fmod(std::floor(t * 7) * 0.618034, 1); }},
    };
    for (const auto& [name, slowness] : loads) {
        for (const double validation : {0.0, 4.0, 30.0}) {
            CAPTURE(name);
            CAPTURE(validation);
            const Ran ran = run({.slowness = slowness, .validation = validation}, {.validation_steps = 8});
            CHECK(ran.seconds > 480 * 0.95);
            CHECK(ran.seconds < 480 * 1.05);
            CHECK(ran.progress > 0.98);
            CHECK(ran.progress <= 1);
            CHECK(ran.rose);
            CHECK(ran.validations >= 1);
        }
    }
}

TEST_CASE("large networks and short runs keep their time as far as whole steps can") {
    // A step of 5 s in two minutes, no epoch of it whole.
    const Ran large = run({.slowness = steady, .step = 5, .validation = 15, .minutes = 2}, {.validation_steps = 3});
    CHECK(std::abs(large.seconds - 120) < 5);
    CHECK(large.validations == 1);
    // Less than a step.
    const Ran tiny = run({.slowness = steady, .step = 5, .validation = 1, .minutes = 0.05}, {});
    CHECK(tiny.steps == 1);
    CHECK(tiny.validations == 1);
    // Many epochs a second.
    const Ran small = run({.slowness = steady, .step = 0.001, .validation = 0.002, .epoch_steps = 4, .minutes = 1}, {});
    CHECK(small.seconds == doctest::Approx(60).epsilon(0.01));
    CHECK(small.validating < 0.21 * 60);
}

TEST_CASE("validation takes a fifth of the time at most, or as often as is asked for") {
    const Ran dear = run({.slowness = steady, .validation = 30}, {.validation_steps = 150});
    CHECK(dear.validating < 0.21 * 480);
    CHECK(dear.validations > 2);
    const Ran second = run({.slowness = steady}, {.validate_every = 2});
    const Ran all = run({.slowness = steady}, {.validate_every = 1});
    CHECK(std::abs(second.validations * 2 - all.validations) <= 3);
    // A minute and a half are 5 epochs of 18.2 s.
    const Ran timed = run({.slowness = steady}, {.validate_seconds = 90});
    CHECK(timed.validations == 5);
}

TEST_CASE("a run that was held up beyond its minutes anneals in a hurry") {
    // A minute's step in the middle of one minute.
    bool slept = false;
    const auto sleeps = [&](double t) { return t > 30 && !std::exchange(slept, true) ? 300.0 : 1.0; };
    const Ran ran = run({.slowness = sleeps, .minutes = 1}, {});
    CHECK(ran.progress > 0.8);
    CHECK(ran.seconds < 30 + 60 + 1 + 2 * 4.1);
}

TEST_CASE("a record of decisions is followed to the bit, and refused where no run can have made it") {
    Pace pace({.seconds = 60, .epoch_steps = 10}, json::array(), "");
    for (std::int64_t step = 1; step <= 40; ++step) {
        pace.count_step(step, 0.3);
        if (pace.due(step, 0.3 * static_cast<double>(step))) pace.decide(step, 0.3 * static_cast<double>(step));
    }
    REQUIRE(pace.decisions().size() > 5);
    const json record = pace.json();
    const Pace again({.seconds = 1, .epoch_steps = 3}, json::parse(record.dump()), "");
    for (std::int64_t step = 0; step < 300; ++step) {
        CHECK(again.progress(step) == pace.progress(step));
        CHECK(again.over(step) == pace.over(step));
    }
    CHECK(again.json() == record);
    const auto refusal = [&](auto change) {
        json damaged = record;
        change(damaged);
        return testing::error_of([&] { Pace({}, damaged, "c.json"); });
    };
    CHECK(testing::mentions(refusal([](json& r) { r[2]["step"] = 1; }), {"c.json: decision 3 is not as"}));
    CHECK(testing::mentions(refusal([](json& r) { r[1]["progress"] = 2; }), {"decision 2"}));
    CHECK(testing::mentions(refusal([](json& r) { r[1].erase("end"); }), {"decision 2"}));
    CHECK(testing::mentions(refusal([](json& r) { r[0] = "x"; }), {"decision 1", "\"x\""}));
    CHECK(testing::mentions(refusal([](json& r) { r[3]["end"] = 2; }), {"decision 4"}));
}
