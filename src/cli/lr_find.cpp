#include <camber/train.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "io/atomic_file.h"
#include "report/lr_chart.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

/// JSON has no NaN: null.
nlohmann::json finite(double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); }

nlohmann::json curve_json(const LrCurve& curve, const std::vector<LrSuggestion>& suggestions) {
    nlohmann::json points = nlohmann::json::array(), suggested = nlohmann::json::object();
    for (const LrPoint& point : curve.points())
        points.push_back({{"lr", point.lr}, {"loss", finite(point.loss)}, {"smoothed", finite(point.smoothed)}});
    for (const LrSuggestion& suggestion : suggestions) suggested[suggestion.name] = suggestion.lr;
    return {{"suggested", suggested}, {"steps", curve.range().steps}, {"points", points}};
}

/// A folder to write to: made at once, so that it is known to be possible, and removed where nothing came to be in it.
class OutFolder {
  public:
    explicit OutFolder(const fs::path& path) : path_(path) {
        std::error_code error;
        made_ = fs::create_directories(path, error);
        if (error) fail("{}: cannot be made: {}", path.string(), error_text(error.value()));
    }
    ~OutFolder() {
        std::error_code not_empty;
        if (made_) fs::remove(path_, not_empty);
    }
    OutFolder(const OutFolder&) = delete;
    OutFolder& operator=(const OutFolder&) = delete;

  private:
    fs::path path_;
    bool made_ = false;
};

class Observer : public TrainObserver {
  public:
    explicit Observer(ProgressLine& line) : line_(line) {}
    void on_message(const std::string& text) override { line_.print(text); }

  private:
    ProgressLine& line_;
};

}  // namespace

void add_lr_find(CLI::App& app, Action& action) {
    struct Arguments {
        RunOptions run;
        LrRange range;
        std::string out = ".";
    };
    CLI::App* command = app.add_subcommand(
        "lr-find",
        "Tries learning rates on a run that is begun: its loss while the rate grows, and what that suggests");
    auto a = std::make_shared<Arguments>();
    a->run.declare(*command);
    add_number(*command, "--start-lr", a->range.start, above(0), "The first step's learning rate [1e-7]");
    add_number(*command, "--end-lr", a->range.end, above(0),
               "The last's; the test ends before where the loss is beyond 4 times its least [10]");
    add_number(*command, "--steps", a->range.steps, from_to(10, 1e6), "Steps from one to the other [100]");
    command->add_option("--out", a->out, "Folder that lr-find.svg and lr-find.json are written to [.]");
    command->footer(
        "Takes the options of train; --lr, --schedule, the run's length, --tensorboard and what is under Stopping\n"
        "have no effect on it, and of several stages the first is tried.\n"
        "Example:\n  camber lr-find --data data/camvid --preset cpu");
    command->callback([=, &action] {
        action = [=] {
            a->run.choose_convolutions();
            const TrainConfig config = a->run.config_with_data();
            if (a->range.start >= a->range.end) fail_usage("--start-lr must be below --end-lr");
            refuse_among_frames(fs::absolute(a->out), a->out);
            const fs::path folder = a->out;
            const OutFolder made(folder);

            ProgressLine line;
            Observer observer(line);
            const std::atomic<bool>& stop = interruption();
            int done = 0;
            const auto progress = [&](const LrPoint& point) {
                line.update(++done, a->range.steps, fmt::format("rate {:.2g}, loss {:.4f}", point.lr, point.smoothed));
            };
            const LrCurve curve = find_lr(config, a->range, observer, progress, stop);
            line.clear();
            if (stop) return interrupted_exit;

            const std::vector<LrSuggestion> suggestions = suggested_lrs(curve);
            const fs::path svg = folder / "lr-find.svg", json = folder / "lr-find.json";
            const std::string title = fmt::format("Learning-rate range test of {}", config.net);
            write_file_atomically(svg, report::lr_chart(curve, suggestions, title));
            write_file_atomically(json, curve_json(curve, suggestions).dump(2) + "\n");
            const LrPoint& last = curve.points().back();
            fmt::print("{} steps, rates from {:.2g} to {:.2g}{}\n", curve.points().size(), curve.points().front().lr,
                       last.lr, done < a->range.steps ? ", where the loss diverged" : "");
            for (const LrSuggestion& suggestion : suggestions)
                fmt::print("{:<11}{:<9.2g}{}\n", suggestion.name, suggestion.lr, suggestion.what);
            if (suggestions.empty())
                fmt::print("too few steps for a suggestion: a lower --start-lr, or more --steps\n");
            fmt::print("curve: {}, {}\n", one_line(svg.string()), one_line(json.string()));
            return 0;
        };
    });
}

}  // namespace camber::cli
