// Seconds of training to a fixed mark of mean IoU on the validation split, over several seeds. The rules are in
// docs/recipe.md.
#include <camber/train.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/files.h"
#include "train/config_file.h"

namespace {

namespace fs = std::filesystem;
using namespace camber;

struct Attempt {
    double seconds = 0;  ///< in steps; validation, checkpoints and the report are not training
    int epochs = 0;
    double mean_iou = 0;
};

Attempt run(const TrainConfig& config, const fs::path& folder) {
    TrainObserver silent;
    const TrainResult result = train(config, folder, silent, {});
    Attempt attempt{0, result.epochs_done, result.best_metric};
    std::ifstream lines(folder / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);)
        attempt.seconds += nlohmann::json::parse(line)["seconds_in"]["steps"].get<double>();
    return attempt;
}

/// Mean, and the standard deviation of a sample.
std::pair<double, double> mean_and_deviation(const std::vector<double>& values) {
    const auto count = static_cast<double>(values.size());
    double sum = 0, squares = 0;
    for (const double value : values) sum += value;
    for (const double value : values) squares += (value - sum / count) * (value - sum / count);
    return {sum / count, values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Seconds of training to a mean IoU on the validation split");
    std::string data, file;
    double mark = 0.5;
    int seeds = 3;
    app.add_option("--data", data, "Folder of the dataset")->required();
    app.add_option("--config", file, "The recipe, as bench/speedrun/cpu.toml")->required();
    app.add_option("--mark", mark, "Mean IoU to reach")->capture_default_str();
    app.add_option("--seeds", seeds, "Runs, of seeds 1, 2 and so on")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    CLI11_PARSE(app, argc, argv);
    try {
        const ConfigFile recipe(file);
        if (recipe.preset().empty()) fail("{}: a recipe begins with a preset, as preset = \"cpu\"", file);
        TrainConfig config = recipe.over(train_preset(recipe.preset()), true);
        config.data = data;
        config.monitor = Metric::mean_iou;
        config.stop_at = mark;
        config.validate_epochs = 1;
        config.pictures = 0;
        const testing::TemporaryFolder folder;
        TrainConfig warm_up = config;
        warm_up.minutes = 0;
        warm_up.epochs = 1;
        warm_up.epoch_batches = 4;
        run(warm_up, folder / "warm-up");
        std::vector<double> seconds;
        for (int seed = 1; seed <= seeds; ++seed) {
            config.seed = static_cast<std::uint64_t>(seed);
            const Attempt attempt = run(config, folder / std::to_string(seed));
            const bool reached = attempt.mean_iou >= mark;
            fmt::print("seed {}: mean IoU {:.4f} after {} epochs, {:.1f} s{}\n", seed, attempt.mean_iou, attempt.epochs,
                       attempt.seconds, reached ? "" : ": not reached");
            std::fflush(stdout);
            if (reached) seconds.push_back(attempt.seconds);
        }
        if (seconds.empty()) fail("no seed reached {}", mark);
        const auto [mean, deviation] = mean_and_deviation(seconds);
        fmt::print("{} of {} seeds reached {}: {:.1f} s, standard deviation {:.1f} s\n", seconds.size(), seeds, mark,
                   mean, deviation);
        return seconds.size() == static_cast<std::size_t>(seeds) ? 0 : 1;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_speedrun: {}\n", error.what());
        return 1;
    }
}
