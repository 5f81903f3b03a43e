#include <camber/error.h>
#include <camber/schedule.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/errors.h"
#include "support/golden.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

ScheduleConfig config_of(const json& golden) {
    const std::string op = golden.at("op");
    const double base = golden.at("base_lr");
    if (op == "step_lr") {
        return {.kind = ScheduleKind::step, .step_size = golden.at("step_size"), .gamma = golden.at("gamma")};
    }
    const std::int64_t total = golden.at("total_steps");
    if (op == "polynomial_lr")
        return {.kind = ScheduleKind::polynomial, .total_steps = total, .power = golden.at("power")};
    if (op == "cosine_annealing_lr") {
        return {
            .kind = ScheduleKind::cosine, .total_steps = total, .end_factor = golden.at("min_lr").get<double>() / base};
    }
    return {.kind = ScheduleKind::one_cycle,
            .total_steps = total,
            .pct_start = golden.at("pct_start"),
            .div_factor = golden.at("div_factor"),
            .final_div_factor = golden.at("final_div_factor")};
}

const ScheduleConfig every_kind[] = {
    {},
    {.kind = ScheduleKind::step, .warmup_steps = 3, .warmup_start = 0.25, .step_size = 5, .gamma = 0.5},
    {.kind = ScheduleKind::polynomial, .total_steps = 20, .power = 2, .end_factor = 0.1},
    {.kind = ScheduleKind::cosine, .total_steps = 20, .warmup_steps = 4, .end_factor = 0.1},
    {.kind = ScheduleKind::one_cycle, .total_steps = 20, .pct_start = 0.2, .div_factor = 10, .final_div_factor = 100},
};

}  // namespace

TEST_CASE("schedules follow PyTorch's") {
    const GoldenFile file("torch_optim");
    int cases = 0;
    for (const json& golden : file.cases()) {
        const std::string op = golden.at("op");
        if (!op.ends_with("_lr")) continue;
        ++cases;
        CAPTURE(golden.at("name").get<std::string>());
        const Schedule schedule(config_of(golden));
        const std::vector<double> rates = values_of(file.read(golden, "lr"));
        const double base = golden.at("base_lr");
        for (std::size_t t = 0; t < rates.size(); ++t) {
            CAPTURE(t);
            CHECK(std::abs(base * schedule.multiplier(static_cast<std::int64_t>(t)) - rates[t]) < 1e-13 * base);
        }
    }
    CHECK(cases == 8);
}

TEST_CASE("one_cycle's momentum goes against the rate as PyTorch's") {
    const GoldenFile file("torch_optim");
    int cases = 0;
    for (const json& golden : file.cases()) {
        if (golden.at("op") != "one_cycle_lr") continue;
        ++cases;
        ScheduleConfig config = config_of(golden);
        CHECK_FALSE(Schedule(config).has_momentum());
        golden.at("max_momentum").get_to(config.max_momentum);
        golden.at("base_momentum").get_to(config.base_momentum);
        const Schedule schedule(config);
        CHECK(schedule.has_momentum());
        const std::vector<double> momenta = values_of(file.read(golden, "momentum"));
        for (std::size_t t = 0; t < momenta.size(); ++t)
            CHECK(std::abs(schedule.momentum(static_cast<std::int64_t>(t)) - momenta[t]) < 1e-13);
        CHECK(schedule.momentum(9, 0) == 0.95);
        CHECK(schedule.momentum(9, config.pct_start) == doctest::Approx(0.85).epsilon(1e-12));
        CHECK(schedule.momentum(9, 1) == doctest::Approx(0.95).epsilon(1e-12));
    }
    CHECK(cases == 3);
}

TEST_CASE("warm-up rises on a line to the schedule's own beginning, which it delays") {
    for (const ScheduleConfig& config : every_kind) {
        CAPTURE(std::string(name(config.kind)));
        ScheduleConfig inner = config, outer = config;
        inner.warmup_steps = 0;
        outer.warmup_steps = 4;
        outer.warmup_start = 0.2;
        if (config.total_steps > 0) outer.total_steps = inner.total_steps + 4;
        const Schedule schedule(outer), without(inner);
        const double rise[] = {0.2, 0.4, 0.6, 0.8};
        for (int t = 0; t < 4; ++t) CHECK(schedule.multiplier(t) == doctest::Approx(rise[t]).epsilon(1e-14));
        for (int t = 4; t < 40; ++t) CHECK(schedule.multiplier(t) == without.multiplier(t - 4));
    }
}

TEST_CASE("past its end a schedule keeps its last value, and the shortest runs are defined") {
    CHECK(Schedule({.kind = ScheduleKind::polynomial, .total_steps = 5, .end_factor = 0.25}).multiplier(99) == 0.25);
    CHECK(Schedule({.kind = ScheduleKind::cosine, .total_steps = 5, .end_factor = 0.25}).multiplier(99) == 0.25);
    const Schedule cycle({.kind = ScheduleKind::one_cycle, .total_steps = 10});
    CHECK(cycle.multiplier(99) == cycle.multiplier(9));
    CHECK(cycle.multiplier(9) == doctest::Approx(1 / 25e4).epsilon(1e-12));
    for (std::int64_t total = 1; total <= 8; ++total) {
        for (const double pct_start : {0.0, 0.3, 1.0}) {
            const Schedule schedule({.kind = ScheduleKind::one_cycle, .total_steps = total, .pct_start = pct_start});
            for (std::int64_t t = 0; t <= total; ++t) {
                const double m = schedule.multiplier(t);
                CHECK(m > 0);
                CHECK(m <= 1);
            }
        }
    }
}

TEST_CASE("bad options are refused by name") {
    const auto refusal = [](const ScheduleConfig& config) { return error_of([&] { Schedule{config}; }); };
    CHECK_THROWS_AS(Schedule({.warmup_steps = -1}), UsageError);
    const double inf = std::numeric_limits<double>::infinity();
    CHECK(refusal({.warmup_steps = -1}) == "schedule: warmup_steps must be 0 or more");
    CHECK(refusal({.warmup_start = -1}) == "schedule: warmup_start must be a number that is not negative");
    CHECK(refusal({.kind = ScheduleKind::step}) == "schedule: step_size must be 1 or more");
    CHECK(refusal({.kind = ScheduleKind::step, .step_size = 1, .gamma = 0}) ==
          "schedule: gamma must be a number above 0");
    CHECK(refusal({.kind = ScheduleKind::cosine}) ==
          "schedule: cosine needs total_steps above its 0 warm-up steps, not 0");
    CHECK(refusal({.kind = ScheduleKind::cosine, .total_steps = 5, .warmup_steps = 5}).find("total_steps") !=
          std::string::npos);
    CHECK(refusal({.kind = ScheduleKind::cosine, .total_steps = 5, .end_factor = std::nan("")}).find("end_factor") !=
          std::string::npos);
    CHECK(refusal({.kind = ScheduleKind::polynomial, .total_steps = 5, .power = inf}).find("power") !=
          std::string::npos);
    CHECK(refusal({.kind = ScheduleKind::one_cycle, .total_steps = 5, .pct_start = 1.1}).find("pct_start") !=
          std::string::npos);
    CHECK(refusal({.kind = ScheduleKind::one_cycle, .total_steps = 5, .div_factor = 0}).find("div_factor") !=
          std::string::npos);
    CHECK(refusal({.kind = ScheduleKind::one_cycle, .total_steps = 5, .final_div_factor = -1}).find("final_div") !=
          std::string::npos);
}
