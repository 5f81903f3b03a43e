// Runs that the clock ends, by a clock of the test's.
#include <camber/checkpoint.h>
#include <camber/synth.h>
#include <camber/train.h>
#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "support/errors.h"
#include "support/files.h"
#include "support/weights.h"
#include "train/config_file.h"
#include "train/run_clock.h"

using namespace camber;
using namespace camber::testing;
namespace fs = std::filesystem;

namespace {

constexpr double step_seconds = 0.25;  // exact in binary, as all times here

struct Killed {};

/// A machine: its clock goes on with each step and each batch that is validated.
struct Machine : TrainObserver {
    explicit Machine(std::int64_t end_after = -1, bool kills = false) : steps_left(end_after), killing(kills) {}
    void on_step(const StepReport& report) override {
        seconds += step_seconds * slowness(seconds);
        rates.push_back(report.lr);
        progress = report.progress;
        if (--steps_left != 0) return;
        if (killing) throw Killed();
        stop = true;
    }
    void on_validation(std::size_t, std::size_t) override { seconds += step_seconds * slowness(seconds); }
    SecondsClock clock() {
        return [this] { return seconds; };
    }
    double seconds = 1024;
    std::function<double(double)> slowness = [](double) { return 1; };
    std::int64_t steps_left;
    bool killing;
    double progress = 0;
    std::vector<double> rates;
    std::atomic<bool> stop = false;
};

struct Files {
    TemporaryFolder folder;
    fs::path data = folder / "data";
    Files() {
        write_synthetic_dataset(data, {.train_count = 12, .val_count = 2, .height = 48, .width = 64, .seed = 5});
    }
    TrainConfig config() const {
        TrainConfig config;
        config.net_options = {{"width", 2}, {"depth", 2}, {"dropout", 0.2}};
        config.data = data.string();
        config.device = Device::cpu;
        config.height = config.width = 32;
        config.batch = 2;
        config.pictures = 0;
        config.ema = 0.9;
        config.minutes = 0.5;
        return config;
    }
    std::vector<nlohmann::json> metrics(const char* run) const {
        std::vector<nlohmann::json> lines;
        std::istringstream text(read_text(folder / run / "metrics.jsonl"));
        for (std::string line; std::getline(text, line);) {
            lines.push_back(nlohmann::json::parse(line));
            for (const char* measured : {"seconds", "seconds_in", "elapsed", "images_per_second", "peak_bytes"})
                lines.back().erase(measured);
        }
        return lines;
    }
    nlohmann::json stored(const char* run) const {
        return nlohmann::json::parse(read_text(folder / run / "config.json"));
    }
    void check_equal(const char* run, const char* expected) const {
        CHECK(metrics(run) == metrics(expected));
        for (const char* file : {"last.safetensors", "best.safetensors"})
            check_equal_weights(folder / run / file, folder / expected / file);
    }
};

}  // namespace

TEST_CASE("a run by the clock takes its minutes and ends annealed, also where the machine is busy for a while") {
    const Files files;
    for (const auto& [name, slowness] :
         {std::pair<const char*, double (*)(double)>{"alone", [](double) { return 1.0; }},
          {"at first", [](double t) { return t < 1024 + 10 ? 2.0 : 1.0; }},
          {"at last", [](double t) { return t < 1024 + 20 ? 1.0 : 2.0; }}}) {
        for (const ScheduleKind kind : {ScheduleKind::one_cycle, ScheduleKind::cosine, ScheduleKind::polynomial}) {
            CAPTURE(name);
            CAPTURE(kind);
            TrainConfig config = files.config();
            config.schedule = {.kind = kind};
            Machine machine;
            machine.slowness = slowness;
            fs::remove_all(files.folder / "run");
            const TrainResult result = train(config, files.folder / "run", machine, machine.stop, machine.clock());
            CHECK(result.outcome == TrainOutcome::finished);
            CHECK(std::abs(machine.seconds - 1024 - 30) < 1.5);
            CHECK(machine.progress > 0.98);
            CHECK(machine.rates.back() < 0.05 * config.lr);
            CHECK(*std::max_element(machine.rates.begin(), machine.rates.end()) > 0.9 * config.lr);
            REQUIRE(result.best_validation);
            CHECK(result.best_validation->metric(Metric::mean_iou) == result.best_metric);
            CHECK(files.metrics("run").back().contains("val"));
            CHECK_FALSE(files.stored("run").contains("epochs"));
        }
    }
}

TEST_CASE("schedules of steps and warm-up follow the clock too") {
    const Files files;
    TrainConfig config = files.config();
    config.schedule = {.kind = ScheduleKind::step, .warmup_steps = 8, .warmup_start = 0, .gamma = 0.5};
    Machine machine;
    train(config, files.folder / "run", machine, machine.stop, machine.clock());
    const std::vector<double>& rates = machine.rates;  // each that of the step after
    CHECK(rates[3] == doctest::Approx(config.lr * 0.5));
    CHECK(rates[8] == config.lr);
    CHECK(rates.back() == doctest::Approx(config.lr * 0.25));
    const auto length = [&](double rate) { return std::count(rates.begin(), rates.end(), rate); };
    CHECK(std::abs(length(config.lr) - length(config.lr * 0.5)) < 10);
}

TEST_CASE("interrupted or killed at any step and resumed, a run by the clock ends with the same bits") {
    const Files files;
    const auto busy = [](double t) { return std::fmod(t, 8) < 3 ? 2.0 : 1.0; };
    TrainConfig config = files.config();
    config.minutes = 0.25;
    Machine whole;
    whole.slowness = busy;
    train(config, files.folder / "whole", whole, whole.stop, whole.clock());
    const auto steps = static_cast<std::int64_t>(whole.rates.size());
    REQUIRE(steps > 30);
    for (const bool kills : {false, true}) {
        // The first before any checkpoint, the last where all is done but the validation.
        for (const std::int64_t at : {std::int64_t{3}, std::int64_t{14}, steps / 2 + 1, steps}) {
            CAPTURE(kills);
            CAPTURE(at);
            Machine first(at, kills), rest;
            first.slowness = busy;
            fs::remove_all(files.folder / "run");
            bool killed = false;
            try {
                train(config, files.folder / "run", first, first.stop, first.clock());
            } catch (const Killed&) {
                killed = true;
            }
            CHECK(killed == kills);
            // The machine is elsewhere in its load by the time that is done again: that it was decided shows.
            rest.seconds = first.seconds;
            if (!kills) rest.slowness = busy;
            const auto resume = [&] {
                return resume_training(files.folder / "run", {}, rest, rest.stop, rest.clock());
            };
            CHECK(resume().outcome == TrainOutcome::finished);
            CHECK((rest.progress > 0.95 || at == steps));
            if (!kills) files.check_equal("run", "whole");
            if (!kills) CHECK(files.stored("run").at("decisions") == files.stored("whole").at("decisions"));
            // What was decided before the kill still holds.
            const auto decisions = files.stored("run").at("decisions"), all = files.stored("whole").at("decisions");
            for (std::size_t i = 0; i < all.size() && all[i].at("step") < at; ++i) CHECK(decisions.at(i) == all[i]);
            CHECK(decisions.back().at("end") == decisions.back().at("step"));

            // And what came of it all is repeated by its configuration alone, on a machine of any speed.
            Machine other;
            other.slowness = [](double) { return 64; };
            const TrainConfig repeated = ConfigFile(files.folder / "run/config.json").over(TrainConfig(), false);
            fs::remove_all(files.folder / "again");
            train(repeated, files.folder / "again", other, other.stop, other.clock());
            files.check_equal("again", "run");
            CHECK(files.stored("again") == files.stored("run"));
        }
    }
}

TEST_CASE("a run by the clock that has ended stays as it is") {
    const Files files;
    TrainConfig config = files.config();
    config.patience = 1;
    config.lr = 0;
    Machine machine, again;
    CHECK(train(config, files.folder / "run", machine, machine.stop, machine.clock()).outcome ==
          TrainOutcome::stopped_early);
    const std::string before = read_text(files.folder / "run/last.safetensors");
    resume_training(files.folder / "run", {}, again, again.stop, again.clock());
    CHECK(again.rates.empty());
    CHECK(read_text(files.folder / "run/last.safetensors") == before);
    const auto refused = [&](const ResumeChange& change) {
        return error_of([&] { resume_training(files.folder / "run", change, again, again.stop); });
    };
    CHECK(mentions(refused([](TrainConfig& run) { run.epochs = 99; }), {"--epochs", "--minutes"}));
    CHECK(mentions(refused([](TrainConfig& run) { run.lr = 1; }), {"'lr' cannot change"}));
}

TEST_CASE("patience is over at a validation") {
    const Files files;
    TrainConfig config = files.config();
    config.minutes = 0;
    config.epochs = 9;
    config.validate_epochs = 3;
    config.patience = 1;
    config.lr = 0;  // so that nothing gets better
    Machine machine;
    CHECK(train(config, files.folder / "run", machine, machine.stop, machine.clock()).outcome ==
          TrainOutcome::stopped_early);
    CHECK(files.metrics("run").size() == 6);
    CHECK(fs::exists(files.folder / "run/best.safetensors"));
}

TEST_CASE("validation comes every so many epochs, or minutes, and at the end") {
    const Files files;
    const auto validated = [&](auto change) {
        TrainConfig config = files.config();
        config.minutes = 0;
        config.epochs = 7;
        change(config);
        Machine machine;
        fs::remove_all(files.folder / "run");
        train(config, files.folder / "run", machine, machine.stop, machine.clock());
        std::vector<int> epochs;
        for (const nlohmann::json& line : files.metrics("run"))
            if (line.contains("val")) epochs.push_back(line.at("epoch"));
        return epochs;
    };
    CHECK(validated([](TrainConfig&) {}) == std::vector<int>{0, 1, 2, 3, 4, 5, 6});
    CHECK(validated([](TrainConfig& c) { c.validate_epochs = 3; }) == std::vector<int>{2, 5, 6});
    // An epoch is 6 steps of a quarter of a second.
    CHECK(validated([](TrainConfig& c) { c.validate_minutes = 3.0 / 60; }) == std::vector<int>{1, 3, 5, 6});
    CHECK(files.stored("run").at("validate_epochs") == 2);
}

TEST_CASE("the checkpoint of every so many epochs is kept") {
    const Files files;
    TrainConfig config = files.config();
    config.minutes = 0;
    config.epochs = 5;
    config.checkpoint_every = 2;
    Machine machine;
    train(config, files.folder / "run", machine, machine.stop, machine.clock());
    CHECK(CheckpointFile::open(files.folder / "run/epoch-0002.safetensors").info().epoch == 2);
    CHECK(CheckpointFile::open(files.folder / "run/epoch-0004.safetensors").info().epoch == 4);
    CHECK_FALSE(fs::exists(files.folder / "run/epoch-0005.safetensors"));
    CHECK(CheckpointFile::open(files.folder / "run/last.safetensors").info().epoch == 5);
    CHECK_NOTHROW(load_model(files.folder / "run/epoch-0002.safetensors"));
}
